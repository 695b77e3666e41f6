"""Audit entries: opaque ids and codes only. Free text never goes here."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID


class Outcome(StrEnum):
    ALLOWED = "allowed"
    DENIED = "denied"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """What was done, to whose record, to which things.

    `action` is a code such as `session.sign`; `client_id` None for what concerns no client; `resources` are ids of the
    things read or written; `reason` a code (why denied), never prose. `clients` are all clients whose record was touched
    where there are several: those a list showed, say.
    """

    action: str
    client_id: UUID | None = None
    resources: tuple[UUID, ...] = ()
    outcome: Outcome = Outcome.ALLOWED
    reason: str = ""
    clients: tuple[UUID, ...] = ()
