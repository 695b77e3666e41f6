"""Request headers with a meaning of their own: what they may hold, and what is said when they hold something else."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final

from api.errors import FieldFault, FieldsInvalid, IfMatchMissing
from domain.errors import StaleVersion, Unauthenticated
from domain.ports.call import Purpose

_BEARER: Final = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/=-]{1,4096})")
_ETAG: Final = re.compile(r'(W/)?"(0|[1-9][0-9]{0,8})(\.[1-9][0-9]{0,5})?"')
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}")
_PURPOSES: Final = frozenset(purpose.value for purpose in Purpose)
_POSITION: Final = re.compile(r"[0-9]{1,18}")


def plain(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Headers by lower-case name; the first of several with one name."""
    found: dict[str, str] = {}
    for name, value in raw:
        found.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    return found


def bearer(headers: Mapping[str, str]) -> str:
    """The access token. Raises Unauthenticated when there is none, or nothing that could be one."""
    match = _BEARER.fullmatch(headers.get("authorization", ""))
    if match is None:
        raise Unauthenticated
    return match[1]


def etag(version: int) -> str:
    """A strong entity tag: the version of the row that was returned."""
    return f'"{version}"'


def if_match(headers: Mapping[str, str]) -> int:
    """The version the caller read. Raises IfMatchMissing, FieldsInvalid, StaleVersion for a weak tag (RFC 9110 §13.1.1
    compares strongly, so a weak one never matches) and for one of another incarnation of the log (see incarnations.py).
    """
    value = headers.get("if-match", "").strip()
    if not value:
        raise IfMatchMissing
    match = _ETAG.fullmatch(value)
    if match is None:
        raise _wrong("If-Match", 'must be one ETag as a read gave it, such as "3"')
    if match[1] or match[3]:
        raise StaleVersion
    return int(match[2])


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """1 to 200 visible ASCII characters, or None. Raises FieldsInvalid."""
    value = headers.get("idempotency-key")
    if value is not None and not _KEY.fullmatch(value):
        raise _wrong("Idempotency-Key", "must be 1 to 200 visible ASCII characters")
    return value


def read_after(headers: Mapping[str, str]) -> int:
    """The position that a read must have seen; 0 for none. Raises FieldsInvalid."""
    value = headers.get("read-after", "0")
    if not _POSITION.fullmatch(value):
        raise _wrong("Read-After", "must be the number that a write answered in its header Position")
    return int(value)


def purpose(headers: Mapping[str, str]) -> Purpose | None:
    """Why the record is used, None where nothing is said. Raises FieldsInvalid for what is no purpose."""
    value = headers.get("purpose")
    if value is None:
        return None
    value = value.strip()
    if value not in _PURPOSES:
        raise _wrong("Purpose", "must be one of " + ", ".join(sorted(_PURPOSES)))
    return Purpose(value)


def client_address(peer: str, headers: Mapping[str, str], trusted: tuple[IPv4Network | IPv6Network, ...]) -> str:
    """The socket's address; behind trusted proxies, the last address of X-Forwarded-For that isn't one of them."""
    if not trusted:
        return peer
    chain = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    address = peer
    while chain and _inside(address, trusted):
        address = chain.pop()
    return address if _readable(address) else peer


def _inside(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    return _readable(address) and any(ip_address(address) in network for network in networks)


def _readable(address: str) -> bool:
    try:
        ip_address(address)
    except ValueError:
        return False
    return True


def _wrong(name: str, message: str) -> FieldsInvalid:
    return FieldsInvalid([FieldFault(location="header", pointer=name, code="header_invalid", message=message)])
