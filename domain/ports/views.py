"""Reading: views that lag by milliseconds, asked for at least a position.

`at_least` 0 takes what there is. Otherwise the call waits a bounded time for the view to reach that position and raises
ViewBehind when it doesn't. Sealed values of an erased client are left out.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol, Unpack
from uuid import UUID

from domain.ports.audit import AuditFilters, AuditRecord
from domain.ports.keys import RecordClass

__all__ = [
    "JOURNEY_KINDS",
    "AuditRecord",
    "AuditView",
    "CaseloadItem",
    "CaseloadView",
    "JourneyItem",
    "JourneyView",
    "Page",
]

JOURNEY_KINDS: Final = (
    "session",
    "appointment",
    "measure",
    "goal",
    "risk_flag",
    "treatment_plan",
    "diagnosis",
    "medication",
    "safety_plan",
    "transcript",
    "consent",
    "care_team",
    "client",
)
"""Kinds of journey items. What measures, goals, flags and plans are is sealed with them: in clear such a row only says that
there is an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyItem:
    """One thing that happened: a session, an appointment, a measure, a goal, a consent, a change of the care team.

    `happened_at` is when it took place, `recorded_at` when the store took it. `kind` is one of `JOURNEY_KINDS`; `state` its state as of now (`draft` never shows); `content` the unsealed JSON object that
    the resource's own read would give. `positions` are those of the events it came from, oldest first.
    """

    kind: str
    id: UUID
    client_id: UUID
    state: str
    version: int
    happened_at: datetime
    recorded_at: datetime
    positions: tuple[int, ...]
    content: Mapping[str, Any]
    record_class: RecordClass = RecordClass.JOURNAL
    """`SUD` for records of substance-use treatment; of all else which class it was is not told here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseloadItem:
    """A client as a list shows it. Name and birth date are unsealed in memory."""

    client_id: UUID
    name: str
    status: str
    last_session_at: datetime | None
    next_appointment_at: datetime | None
    sessions: int
    unsigned_sessions: int
    birth_date: str = ""
    """As the identity holds it; tells apart clients of one name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """`after` is the position or key to continue from, None on the last page; the API seals it into a cursor."""

    items: Sequence[Any] = field(default_factory=tuple)
    after: tuple[int, ...] | None = None


class JourneyView(Protocol):
    """`kinds` empty means all. The content of a transcript leaves out its utterances unless `whole` asks for them: they may
    be megabytes.
    """

    def of_client(  # noqa: PLR0913 - filters
        self,
        client_id: UUID,
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        keep: Callable[[JourneyItem], bool] | None = None,
        whole: bool = False,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
    ) -> Page:
        """JourneyItems, by happened_at then first position, oldest first. `limit` 1 to 2,000. Only items that `keep` says
        yes to; a page holds `limit` of them unless it is the last. Raises ViewBehind, Erased, Invalid.
        """

    def history(  # noqa: PLR0913 - filters
        self,
        client_ids: Sequence[UUID],
        *,
        at_least: int = 0,
        since: datetime | None = None,
        until: datetime | None = None,
        kinds: Sequence[str] = (),
        whole: bool = False,
    ) -> Mapping[UUID, Sequence[JourneyItem]]:
        """All JourneyItems of these clients, unpaged, each client's in the order of `of_client`; empty for clients without
        any and for erased ones. For reports over a whole record or caseload. Raises ViewBehind, Invalid.
        """


class CaseloadView(Protocol):
    def of_clients(self, client_ids: Sequence[UUID], *, at_least: int = 0) -> Sequence[CaseloadItem]:
        """Those of the given clients that the view knows, in the order given. Raises ViewBehind."""


class AuditView(Protocol):
    def search(
        self,
        *,
        at_least: int = 0,
        after: tuple[int, ...] | None = None,
        limit: int = 100,
        **filters: Unpack[AuditFilters],
    ) -> Page:
        """AuditRecords, newest first. `limit` 1 to 1,000; a page may hold fewer and still not be the last: `after` says.
        Raises ViewBehind, Invalid.
        """
