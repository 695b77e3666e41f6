"""Appointments as they are sent and answered."""

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, MomentIn, MomentOut, Out, Rfc3339, example, instant
from domain.model.appointment import AppointmentStatus, CancellationReason, CancelledBy, MissReason
from domain.model.values import Modality

_CLINICIAN: Final = "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22"
PLAN_EXAMPLE: Final = {
    "start": {"instant": "2026-03-09T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "video",
}
Minutes = Annotated[int, Field(ge=1, le=1440, description="Minutes planned.")]


class PlanIn(In):
    """When and how client and clinician are to meet."""

    start: MomentIn
    duration_min: Minutes
    modality: Modality

    model_config = example(PLAN_EXAMPLE)


class AppointmentIn(PlanIn):
    """`clinician_id` is who will see the client; the caller, when left out."""

    clinician_id: UUID | None = None

    model_config = example(PLAN_EXAMPLE | {"clinician_id": _CLINICIAN})


class HeldIn(In):
    """`session_id` names the journal entry, if it is written already; if it isn't, send this again with it once it is."""

    session_id: UUID | None = None

    model_config = example({"session_id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"})


class CancelledIn(In):
    """`notified_at` is when word came, if that was earlier than now."""

    cancelled_by: CancelledBy
    reason: CancellationReason
    notified_at: Rfc3339 | None = None

    model_config = example({"cancelled_by": "client", "reason": "illness", "notified_at": "2026-03-09T07:40:00+01:00"})

    def notified(self) -> datetime | None:
        """Raises ZonelessTime, ImpossibleTime."""
        return None if self.notified_at is None else instant(self.notified_at, "notified_at")


class MissedIn(In):
    reason: MissReason

    model_config = example({"reason": "client_no_show"})


class AppointmentOut(Out):
    """`notice_s` is how many seconds before the start a cancellation was notified; negative for after it."""

    id: UUID
    client_id: UUID
    version: int
    status: AppointmentStatus
    clinician_id: UUID
    planned_at: Rfc3339
    changed_at: Rfc3339
    start: MomentOut
    duration_min: int
    modality: Modality
    session_id: UUID | None
    cancelled_by: CancelledBy | None
    cancellation_reason: CancellationReason | None
    notice_s: int | None
    miss_reason: MissReason | None
    error_reason: str

    model_config = example(
        {
            "id": "01950f30-11aa-7d55-8c3e-0f6f5a7c9e44",
            "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
            "version": 1,
            "status": "planned",
            "clinician_id": _CLINICIAN,
            "planned_at": "2026-03-02T10:08:00Z",
            "changed_at": "2026-03-02T10:08:00Z",
            "start": {
                "instant": "2026-03-09T09:00:00Z",
                "local": "2026-03-09T10:00:00+01:00",
                "zone": "Europe/Berlin",
            },
            "duration_min": 50,
            "modality": "video",
            "session_id": None,
            "cancelled_by": None,
            "cancellation_reason": None,
            "notice_s": None,
            "miss_reason": None,
            "error_reason": "",
        }
    )
