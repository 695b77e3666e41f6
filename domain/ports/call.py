"""Who asks, when, from where and why: what every use case takes as its first argument."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Role(StrEnum):
    """What an account is for. One role an account; a person with two jobs has two accounts."""

    CLIENT = "client"
    CLINICIAN = "clinician"
    SUPERVISOR = "supervisor"
    COMPLIANCE_OFFICER = "compliance_officer"
    ML_ENGINEER = "ml_engineer"
    OPERATOR = "operator"
    SERVICE = "service"


class Purpose(StrEnum):
    """Why a record is used (after HL7's PurposeOfUse)."""

    TREATMENT = "treatment"
    OPERATIONS = "operations"
    COMPLIANCE = "compliance"
    CLIENT_REQUEST = "client_request"
    MODEL_TRAINING = "model_training"
    RESEARCH = "research"
    EMERGENCY = "emergency"
    """Danger to life or limb: what break-glass access is for, and nothing else."""


class Scope(StrEnum):
    """What a service account may be used for. `domain.services.policy.SCOPES` says which actions that is."""

    CHANGES_READ = "changes:read"
    JOURNEY_READ = "journey:read"
    CONTEXT_READ = "context:read"
    PROGRESS_READ = "progress:read"
    MEASURES_READ = "measures:read"
    MEASURES_WRITE = "measures:write"
    LOG_READ = "log:read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """An authenticated account.

    `client_id` is set for accounts of clients: the one record they may see. `supervisor_id` is set for trainees:
    their sessions need that account's co-signature. `scopes` are those of a signed-in service account; the worker and
    commands on the host are services without a sign-in, and no scope narrows what they may do.
    """

    id: UUID
    role: Role
    sign_in_id: UUID | None = None
    client_id: UUID | None = None
    supervisor_id: UUID | None = None
    scopes: frozenset[Scope] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What makes a write repeatable without effect.

    `id` is the request id, or HMAC(actor, Idempotency-Key). `fingerprint` is an HMAC over method, path and body, empty
    when the caller sent no key. `status` and `location` are what a repeated call is answered with.
    """

    id: UUID
    fingerprint: bytes = b""
    status: int = 200
    location: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request or job step. `request_id` (UUIDv7) names its audit stream."""

    actor: Actor
    request_id: UUID
    at: datetime
    origin: str
    purpose: Purpose = Purpose.TREATMENT
    command: Command | None = None
    expected_version: int | None = None
    """The version the caller read (If-Match); None where the call needs none."""
    on_behalf_of: UUID | None = None
    """The account whose expiring grant a job acts under; both are audited."""

    @property
    def at_us(self) -> int:
        """Microseconds since 1970, UTC, exact."""
        return (self.at - _EPOCH) // _MICROSECOND
