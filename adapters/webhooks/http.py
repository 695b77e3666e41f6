"""One message over HTTP: looked up once, sent to that address, bounded in time, no redirects, the answer unread."""

import asyncio
import ssl
from functools import cache
from ipaddress import ip_address
from socket import IPPROTO_TCP, SOCK_STREAM
from typing import Final
from urllib.parse import SplitResult, urlsplit

import httpx
from standardwebhooks import Webhook as Signer

from adapters.webhooks.targets import Address, Targets
from domain.ports.webhooks import DeliveryOutcome, Message

_GONE: Final = 410
_PORTS: Final = {"https": 443, "http": 80}


class _AddressRefused(Exception):
    pass


def post(url: str, message: Message, targets: Targets, total_s: float) -> DeliveryOutcome:
    """One attempt, on an event loop of its own. Never raises for what the other side does."""
    return asyncio.run(_bounded(url, message, targets, total_s))


async def _bounded(url: str, message: Message, targets: Targets, total_s: float) -> DeliveryOutcome:
    try:
        # Over all of it: an answer that comes a byte at a time is late however short each wait was.
        async with asyncio.timeout(total_s):
            return await _post(urlsplit(url), message, targets, total_s)
    except (TimeoutError, httpx.TimeoutException):
        return DeliveryOutcome.TIMED_OUT
    except _AddressRefused:
        return DeliveryOutcome.ADDRESS_REFUSED
    except (OSError, UnicodeError, httpx.HTTPError, httpx.InvalidURL):
        return DeliveryOutcome.UNREACHABLE


async def _post(url: SplitResult, message: Message, targets: Targets, total_s: float) -> DeliveryOutcome:
    host = url.hostname or ""
    port = url.port or _PORTS[url.scheme]
    address = await _resolved(host, port, targets, encrypted=url.scheme == "https")
    path = f"{url.path or '/'}{'?' + url.query if url.query else ''}"
    target = httpx.URL(scheme=url.scheme, host=str(address), port=port, raw_path=path.encode("ascii"))
    headers = _headers(message) | {"host": url.netloc}
    async with (
        # No proxy, no redirect: to the address that was checked, and nowhere else.
        httpx.AsyncClient(verify=_tls(), trust_env=False, follow_redirects=False, timeout=total_s) as client,
        # The certificate is checked against the name, though the connection goes to the address.
        client.stream(
            "POST", target, content=message.body, headers=headers, extensions={"sni_hostname": host}
        ) as answer,
    ):
        return _outcome(answer.status_code)


async def _resolved(host: str, port: int, targets: Targets, *, encrypted: bool) -> Address:
    """The first of the host's addresses; refused when any of them is: a name can lead to two places at once."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=SOCK_STREAM, proto=IPPROTO_TCP)
    addresses = [ip_address(str(place[0]).partition("%")[0]) for *_, place in found]
    if not addresses or not all(targets.allows(one, encrypted=encrypted) for one in addresses):
        raise _AddressRefused
    return addresses[0]


@cache
def _tls() -> ssl.SSLContext:
    """Reading the roots takes longer than a message."""
    return ssl.create_default_context()


def _headers(message: Message) -> dict[str, str]:
    signatures = [Signer(secret).sign(message.id, message.at, message.body) for secret in message.secrets]
    return {
        "content-type": "application/json",
        "user-agent": "anamnesis-webhooks",
        "webhook-id": message.id,
        "webhook-timestamp": str(int(message.at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _outcome(status: int) -> DeliveryOutcome:
    if status == _GONE:
        return DeliveryOutcome.GONE
    family = {2: DeliveryOutcome.DELIVERED, 3: DeliveryOutcome.REDIRECTED, 5: DeliveryOutcome.BROKEN}
    return family.get(status // 100, DeliveryOutcome.REFUSED)
