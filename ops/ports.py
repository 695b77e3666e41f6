"""Addresses to listen on: why one can't be used, and which one could."""

import errno
import socket
from typing import Final

from domain.errors import Misconfigured
from ops.saying import saying

_BACKLOG: Final = 2048


class PortInUse(Misconfigured):
    code = "port_in_use"
    message = "Another program listens on this address already."


class AddressUnusable(Misconfigured):
    code = "address_unusable"
    message = "This address can't be listened on."
    hint = "Set ANAMNESIS_HOST to an address of this machine, and ANAMNESIS_PORT to one this user may open."


def listen(host: str, port: int) -> socket.socket:
    """A bound, listening, inheritable socket. Raises PortInUse, AddressUnusable."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise AddressUnusable(host=host, port=port) from exc
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as exc:
        listening.close()
        if exc.errno != errno.EADDRINUSE:
            raise AddressUnusable(host=host, port=port) from exc
        raise _in_use(host, port) from exc
    listening.set_inheritable(True)
    return listening


def check_free(host: str, port: int) -> None:
    """Raises PortInUse, AddressUnusable."""
    listen(host, port).close()


def reachable(host: str, port: int) -> str:
    """`host:port` as a URL on this machine names it, for a server that listens there."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"[{local}]:{port}" if ":" in local else f"{local}:{port}"


def _in_use(host: str, port: int) -> PortInUse:
    hint = f"End that program, or choose another port, such as: --port {_next_free(host, port)} (or ANAMNESIS_PORT)"
    return saying(PortInUse(host=host, port=port), hint=hint)


def _next_free(host: str, port: int) -> int:
    for candidate in range(port + 1, min(port + 50, 65535)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
            except OSError:
                continue
            return candidate
    return 0
