"""Sign-ins: one device's stay. Tokens come in as hashes; nothing here ever holds a secret."""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import NotFound
from domain.ports.keys import RecordClass


class SignInNotFound(NotFound):
    code = "sign_in_not_found"
    message = "There is no sign-in with this id."


class SignInMethod(StrEnum):
    """How somebody proved who they are."""

    UNKNOWN = "unknown"
    """Opened before this was kept."""
    PASSWORD = "password"  # noqa: S105 - a code, not a password
    PASSWORD_AND_CODE = "password_and_code"  # noqa: S105 - a code, not a password
    PASSWORD_AND_RECOVERY_CODE = "password_and_recovery_code"  # noqa: S105 - a code, not a password
    PROVIDER = "provider"
    """An OpenID provider vouched for them."""
    PROVIDER_AND_CODE = "provider_and_code"
    PROVIDER_AND_RECOVERY_CODE = "provider_and_recovery_code"
    PROVIDER_WITH_SECOND_FACTOR = "provider_with_second_factor"
    """The provider asked for a second factor of its own, and is trusted with that."""
    SECRET = "secret"  # noqa: S105 - a code, not a secret


class SignIn(Aggregate):
    """`refresh_hash` is SHA-256 of the one refresh token that is good now; `used_hashes` of all before,
    so that a stolen and used token is told from a wrong one. `origin` is a network and never a whole address.
    """

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = SignInNotFound

    def __init__(self) -> None:
        self.account_id: UUID
        self.refresh_hash: bytes
        self.used_hashes: tuple[bytes, ...] = ()
        self.refreshed_at: datetime
        self.expires_at: datetime
        self.revoked_reason = ""
        self.method = SignInMethod.UNKNOWN
        self.origin = ""

    @property
    def subject(self) -> None:
        return None

    @property
    def revoked(self) -> bool:
        return bool(self.revoked_reason)

    class Event(Aggregate.Event):
        pass

    class Opened(Event, Aggregate.Created):
        """As sign-ins began before it was kept how and from where; still read, written no more."""

        KIND: ClassVar[str] = "sign_in.opened"
        account_id: UUID
        refresh_hash: bytes
        expires_at: datetime

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.account_id = self.account_id
            aggregate.refresh_hash = self.refresh_hash
            aggregate.refreshed_at = self.timestamp
            aggregate.expires_at = self.expires_at

    class Begun(Event, Aggregate.Created):
        """`secret_id` names the secret that a program signed in with."""

        KIND: ClassVar[str] = "sign_in.begun"
        account_id: UUID
        refresh_hash: bytes
        expires_at: datetime
        method: SignInMethod
        origin: str
        secret_id: UUID | None

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.account_id = self.account_id
            aggregate.refresh_hash = self.refresh_hash
            aggregate.refreshed_at = self.timestamp
            aggregate.expires_at = self.expires_at
            aggregate.method = self.method
            aggregate.origin = self.origin

    class Refreshed(Event):
        KIND: ClassVar[str] = "sign_in.refreshed"
        refresh_hash: bytes

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.used_hashes = (*aggregate.used_hashes, aggregate.refresh_hash)
            aggregate.refresh_hash = self.refresh_hash
            aggregate.refreshed_at = self.timestamp

    class Revoked(Event):
        """`reason` is a code: signed_out, refresh_token_reused, timed_out, ended_by_owner, ended_by_operator."""

        KIND: ClassVar[str] = "sign_in.revoked"
        reason: str

        def apply(self, aggregate: "SignIn") -> None:
            aggregate.revoked_reason = self.reason

    @classmethod
    def open(  # noqa: PLR0913 - one argument a fact of the sign-in
        cls,
        sign_in_id: UUID,
        *,
        at: datetime,
        account_id: UUID,
        refresh_hash: bytes,
        expires_at: datetime,
        method: SignInMethod = SignInMethod.PASSWORD,
        origin: str = "",
        secret_id: UUID | None = None,
    ) -> "SignIn":
        return cls._create(
            cls.Begun,
            id=sign_in_id,
            timestamp=at,
            account_id=account_id,
            refresh_hash=refresh_hash,
            expires_at=expires_at,
            method=method,
            origin=origin,
            secret_id=secret_id,
        )

    def refresh(self, *, at: datetime, refresh_hash: bytes) -> None:
        self.trigger_event(self.Refreshed, timestamp=at, refresh_hash=refresh_hash)

    def revoke(self, *, at: datetime, reason: str) -> None:
        """Nothing happens when it was revoked before."""
        if not self.revoked:
            self.trigger_event(self.Revoked, timestamp=at, reason=reason)
