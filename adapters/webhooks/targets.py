"""Where webhooks may go: public addresses, and private networks that the operator of the host named.

Whoever may register a webhook must not reach through it what only this machine can reach: databases, metadata services of
clouds, neighbours (server-side request forgery, OWASP A10:2021).
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from domain.ports.webhooks import TargetRefused

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CARRIERS: Final = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""IPv6 addresses that carry IPv4 ones to a gateway (NAT64, 6to4, Teredo): global themselves, wherever they lead."""
_UNICAST: Final = ip_network("2000::/3")
"""All IPv6 that is given out (IANA). Python calls more global: site-local, IPv4-compatible and translated addresses."""
_SPECIAL: Final = tuple(map(ip_network, ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "3fff::/20")))
"""Global by their look alone: protocol assignments (RFC 6890; a metadata service of Oracle's), 6to4 relays (RFC 7526), the
platform address of Azure, documentation (RFC 9637).
"""


class Targets:
    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks: Sequence[Network] = tuple(networks)

    def allows(self, address: Address, *, encrypted: bool) -> bool:
        """Without TLS only this machine itself, and only where its loopback network was named."""
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        named = any(address in network for network in self._networks)
        if not encrypted:
            return named and address.is_loopback
        if named:
            return True
        if isinstance(address, IPv6Address) and address not in _UNICAST:
            return False
        return (
            address.is_global
            and not address.is_multicast
            and not any(address in net for net in (*_CARRIERS, *_SPECIAL))
        )

    def check(self, url: str) -> None:
        """What the address alone tells. Raises TargetRefused."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        encrypted = parts.scheme == "https"
        address = _literal("127.0.0.1" if host == "localhost" else host)
        if address is None:
            if not encrypted:
                raise TargetRefused(field="url")
            return
        if not self.allows(address, encrypted=encrypted):
            raise TargetRefused(field="url")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None
