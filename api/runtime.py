"""What the HTTP surface needs besides the services: ports and policy, wired by whoever starts it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Final

from prometheus_client import CollectorRegistry

from domain.ports.health import Probe
from domain.ports.ids import Clock, IdSource
from domain.ports.keys import Sealer, TokenSealer
from domain.ports.ledger import Ledger
from domain.ports.limits import Limit, RateLimiter
from domain.ports.pictures import Pictures, ReportPrinter
from domain.services.exports import FhirWriter

_MIB: Final = 1024 * 1024
_ANONYMOUS_LIMIT: Final = Limit(name="anonymous", amount=30, per_s=60)
_ANONYMOUS_TOTAL: Final = Limit(name="anonymous_total", amount=600, per_s=60)
_SIGN_IN_LIMIT: Final = Limit(name="sign_in", amount=60, per_s=60)
_REFRESH_LIMIT: Final = Limit(name="refresh", amount=600, per_s=60)
_LOOKUP_LIMIT: Final = Limit(name="lookup", amount=30, per_s=60)
_PASSWORD_LIMIT: Final = Limit(name="password", amount=5, per_s=900)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpPolicy:
    """How the surface treats callers. Holds no secrets."""

    version: str = "0"
    incarnation: int = 1
    """Of the log: each restore opens another, whose versions are not those read before."""
    body_limit_bytes: int = _MIB
    threads: int = 64
    """Requests worked on at once; each may hold a database connection."""
    behind_tls: bool = False
    """Whether callers reach this through TLS: then browsers are told to insist on it (HSTS)."""
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    """Whose X-Forwarded-For is believed; empty: the address is the socket's."""
    cors_origins: tuple[str, ...] = ()
    """Origins whose pages may call the API; none by default."""
    anonymous_limit: Limit = _ANONYMOUS_LIMIT
    """Refused calls of one address that are each written to the audit log; beyond, they are only counted."""
    anonymous_total: Limit = _ANONYMOUS_TOTAL
    """The same over all addresses."""
    sign_in_limit: Limit = _SIGN_IN_LIMIT
    """Attempts to sign in from one address, behind which a whole practice may sit at nine in the morning."""
    refresh_limit: Limit = _REFRESH_LIMIT
    """Exchanges of refresh tokens from one address."""
    lookup_limit: Limit = _LOOKUP_LIMIT
    """Look-ups over the whole organisation by one account: nobody needs to try names by the hundred."""
    password_limit: Limit = _PASSWORD_LIMIT
    """Attempts of one account to change its password: a stolen access token must not do to guess it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Ports the routes use directly. `sealer` makes MACs only; the API never sees key bytes."""

    clock: Clock
    ids: IdSource
    sealer: Sealer
    tokens: TokenSealer
    ledger: Ledger
    limiter: RateLimiter
    pictures: Pictures
    printer: ReportPrinter
    fhir: FhirWriter
    probes: Sequence[Probe] = ()
    policy: HttpPolicy = HttpPolicy()
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    """Where metrics are counted; one an application, so that two in one process don't collide."""
