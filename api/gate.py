"""Who may come in: tokens, refusals that are counted before they are written, and how often strangers may try."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Final

from api.headers import bearer
from api.logs import report
from api.metrics import HttpMetrics
from api.origin import Origin
from api.runtime import Runtime
from domain.errors import TooMany, Unauthenticated, Unavailable
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call
from domain.ports.limits import Limit
from domain.services import Services
from domain.services.sign_in import NOBODY

REFUSED: Final = "api.refuse"
"""Audit action of a call without a valid sign-in."""
_ALL: Final = "all"


class Gate:
    """Refusals are audited up to a limit an address and one for all together; beyond it they are counted in a metric and
    one entry a window says so: strangers must not be able to fill the log.
    """

    def __init__(self, services: Services, runtime: Runtime, metrics: HttpMetrics) -> None:
        self._services = services
        self._runtime = runtime
        self._refused = metrics.refused
        self._hashing = BoundedSemaphore(max(1, runtime.policy.threads // 4))

    def admit(self, origin: Origin) -> Actor:
        """Who brings this token. Raises Unauthenticated, TooMany, StoreUnavailable, KeysUnavailable."""
        try:
            return self._services.sign_in.authenticate(bearer(origin.headers), origin.at)
        except Unauthenticated as exc:
            self._put_on_record(origin, exc)
            raise

    def limit_sign_ins(self, origin: Origin) -> None:
        """Raises TooMany when this address has tried too often."""
        self.limit(self._runtime.policy.sign_in_limit, self._key(origin))

    def limit_refreshes(self, origin: Origin) -> None:
        """Raises TooMany when this address has exchanged too many tokens."""
        self.limit(self._runtime.policy.refresh_limit, self._key(origin))

    def limit(self, limit: Limit, key: str) -> None:
        """Raises TooMany."""
        allowance = self._runtime.limiter.take(limit, key)
        if not allowance.allowed:
            raise TooMany(retry_after_s=allowance.retry_after_s, limit=limit.name)

    @contextmanager
    def hashing(self) -> Iterator[None]:
        """Around what hashes passwords, a few at a time: so that those who wait for their turn can't take all threads.

        Raises TooMany when many wait already.
        """
        if not self._hashing.acquire(blocking=False):
            raise TooMany("Too many passwords are being checked.", retry_after_s=1)
        try:
            yield
        finally:
            self._hashing.release()

    def _put_on_record(self, origin: Origin, refusal: Unauthenticated) -> None:
        """Raises TooMany when the refusal is only counted."""
        policy = self._runtime.policy
        take = self._runtime.limiter.take
        key = self._key(origin)
        allowance = take(policy.anonymous_limit, key)
        if allowance.allowed and take(policy.anonymous_total, _ALL).allowed:
            self._refused.labels("audited").inc()
            self._note(origin, refusal.code)
            return
        self._refused.labels("counted").inc()
        window = Limit(name="refusals_counted", amount=1, per_s=policy.anonymous_limit.per_s)
        if take(window, key if not allowance.allowed else _ALL).allowed:
            self._note(origin, "further_refusals_are_counted_only")
        if not allowance.allowed:
            raise TooMany("Too many calls without a valid sign-in.", retry_after_s=allowance.retry_after_s)

    def _note(self, origin: Origin, reason: str) -> None:
        call = Call(actor=NOBODY, request_id=origin.request_id, at=origin.at, origin=origin.address)
        entry = AuditEntry(action=REFUSED, outcome=Outcome.DENIED, reason=reason)
        try:
            self._runtime.ledger.note(call, entry)
        except Unavailable as exc:
            # Nothing is given away by refusing, so the refusal stands though it can't be put on record.
            report(exc, origin.request_id)

    def _key(self, origin: Origin) -> str:
        return self._runtime.sealer.mac("client-address", origin.address.encode()).hex()[:32]
