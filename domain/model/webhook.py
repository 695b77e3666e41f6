"""A webhook: another program's address that is told, by ids alone, that something in a record changed."""

from dataclasses import field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final
from urllib.parse import urlsplit
from uuid import UUID

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.ports.keys import RecordClass

URL_MOST: Final = 1_000
SECRET_OVERLAP: Final = timedelta(hours=24)
"""How long messages are signed with the secret before as well: receivers change theirs meanwhile."""


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    message = "There is no webhook with this id."


class WebhookPaused(Conflict):
    code = "webhook_paused"
    message = "The webhook is paused already."


class WebhookNotPaused(Conflict):
    code = "webhook_not_paused"
    message = "The webhook is not paused."


class WebhookKind(StrEnum):
    """What changes are told of: as coarse as the log shows them in clear."""

    CLIENT = "client"
    IDENTITY = "identity"
    RECORD = "record"


class WebhookStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class PauseReason(StrEnum):
    OPERATOR = "operator"
    FAILING = "failing"
    """Nothing was taken for a day."""
    GONE = "gone"
    """The receiver answered 410: it wants no more."""
    LOG_RESTORED = "log_restored"
    """The log is shorter than what was delivered."""
    NOT_AGREED = "not_agreed"
    """No agreement in force lets anything go there."""


class Webhook(Aggregate):
    """`secrets` are 32 random bytes each, the newest first; the older one is signed with until `old_until`."""

    TOPIC_KIND = "access"
    RECORD_CLASS = RecordClass.ACCESS
    NOT_FOUND = WebhookNotFound

    def __init__(self) -> None:
        self.url: str
        self.kinds: tuple[WebhookKind, ...]
        self.secrets: tuple[bytes, ...]
        self.old_until: datetime | None = None
        self.status = WebhookStatus.ACTIVE
        self.pause_reason: PauseReason | None = None
        self.agreement_id: UUID | None = None
        """None for those registered before agreements were asked for: nothing goes there."""

    @property
    def host(self) -> str:
        """The name in its address, as agreements write it."""
        return (urlsplit(self.url).hostname or "").lower()

    @property
    def subject(self) -> None:
        return None

    def __repr__(self) -> str:
        """Without its secrets, which would otherwise stand wherever somebody prints it."""
        return f"<webhook {self.id}>"

    class Event(Aggregate.Event):
        pass

    class Registered(Event, Aggregate.Created):
        """`after` is the position that it follows the log from."""

        KIND: ClassVar[str] = "webhook.registered"
        url: str
        kinds: tuple[WebhookKind, ...]
        secret: bytes = field(repr=False)
        after: int
        registered_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.url = self.url
            aggregate.kinds = self.kinds
            aggregate.secrets = (self.secret,)

    class PlacedUnderAgreement(Event):
        KIND: ClassVar[str] = "webhook.placed_under_agreement"
        agreement_id: UUID
        placed_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.agreement_id = self.agreement_id

    class SecretRotated(Event):
        KIND: ClassVar[str] = "webhook.secret_rotated"
        secret: bytes = field(repr=False)
        old_until: datetime
        rotated_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.secrets = (self.secret, aggregate.secrets[0])
            aggregate.old_until = self.old_until

    class Paused(Event):
        """`paused_by` is the worker where it gave up."""

        KIND: ClassVar[str] = "webhook.paused"
        reason: PauseReason
        paused_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.status = WebhookStatus.PAUSED
            aggregate.pause_reason = self.reason

    class Resumed(Event):
        """It goes on where it stopped."""

        KIND: ClassVar[str] = "webhook.resumed"
        resumed_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.status = WebhookStatus.ACTIVE
            aggregate.pause_reason = None

    class Removed(Event):
        KIND: ClassVar[str] = "webhook.removed"
        removed_by: UUID

        def apply(self, aggregate: "Webhook") -> None:
            aggregate.status = WebhookStatus.REMOVED

    @classmethod
    def register(  # noqa: PLR0913 - one argument a fact of the webhook
        cls,
        webhook_id: UUID,
        *,
        at: datetime,
        by: UUID,
        url: str,
        kinds: tuple[WebhookKind, ...],
        secret: bytes,
        after: int,
    ) -> "Webhook":
        """Raises Invalid for an address that can't be called."""
        check_url(url)
        checks.count("kinds", kinds, len(WebhookKind), least=1)
        return cls._create(
            cls.Registered,
            id=webhook_id,
            timestamp=at,
            url=url,
            kinds=tuple(sorted(set(kinds))),
            secret=secret,
            after=after,
            registered_by=by,
        )

    def place_under(self, agreement_id: UUID, *, at: datetime, by: UUID) -> None:
        """From now on what it is sent goes out under this agreement. Raises WebhookNotFound."""
        self._require_there()
        self.trigger_event(self.PlacedUnderAgreement, timestamp=at, agreement_id=agreement_id, placed_by=by)

    def rotate_secret(self, *, at: datetime, by: UUID, secret: bytes) -> None:
        """Raises WebhookNotFound."""
        self._require_there()
        self.trigger_event(
            self.SecretRotated, timestamp=at, secret=secret, old_until=at + SECRET_OVERLAP, rotated_by=by
        )

    def pause(self, *, at: datetime, by: UUID, reason: PauseReason) -> None:
        """Raises WebhookPaused, WebhookNotFound."""
        self._require_there()
        if self.status is WebhookStatus.PAUSED:
            raise WebhookPaused(webhook_id=self.id)
        self.trigger_event(self.Paused, timestamp=at, reason=reason, paused_by=by)

    def resume(self, *, at: datetime, by: UUID) -> None:
        """Raises WebhookNotPaused, WebhookNotFound."""
        self._require_there()
        if self.status is not WebhookStatus.PAUSED:
            raise WebhookNotPaused(webhook_id=self.id)
        self.trigger_event(self.Resumed, timestamp=at, resumed_by=by)

    def remove(self, *, at: datetime, by: UUID) -> None:
        """For good. Raises WebhookNotFound."""
        self._require_there()
        self.trigger_event(self.Removed, timestamp=at, removed_by=by)

    def signing_secrets(self, now: datetime) -> tuple[bytes, ...]:
        """What a message is signed with now: the newest, and for a while the one before."""
        old_is_good = self.old_until is not None and now < self.old_until
        return self.secrets if old_is_good else self.secrets[:1]

    def wants(self, coarse: str | None) -> bool:
        """Whether a change of this coarse kind is told. What was erased (None) is told to all: they should look, and learn
        it.
        """
        return coarse is None or coarse in self.kinds

    def _require_there(self) -> None:
        if self.status is WebhookStatus.REMOVED:
            raise WebhookNotFound(webhook_id=self.id)


def check_url(url: str) -> None:
    """An absolute address with a host and without credentials. Where it leads is checked whenever it is called. Raises
    Invalid.
    """
    checks.text("url", url, URL_MOST, least=8, one_line=True)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Invalid("url is not an address.", field="url") from None
    if parts.scheme not in {"https", "http"} or not host or not url.isascii() or " " in url or port == 0:
        raise Invalid("url must be an address such as https://platform.example/hooks, in ASCII.", field="url")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise Invalid("url must hold neither a user name nor a password nor a fragment.", field="url")
