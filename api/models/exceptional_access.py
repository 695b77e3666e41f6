"""Exceptional access as it is asked for and answered."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, Out, Reason, Rfc3339, example
from domain.ports.exceptional import AccessWay, Verdict

_NO_NUL: Final = Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
_ID: Final = "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d60"
_CLIENT: Final = "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11"
_CLINICIAN: Final = "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22"
_LISTED: Final = {
    "id": _ID,
    "client_id": _CLIENT,
    "account_id": _CLINICIAN,
    "way": "break_glass",
    "opened_by": _CLINICIAN,
    "opened_at": "2026-03-02T22:10:00Z",
    "until": "2026-03-02T23:10:00Z",
    "review_due_at": "2026-03-05T22:10:00Z",
    "verdict": None,
}


class BreakGlassIn(In):
    """Why the chart must be opened. Sealed under the client's key, for those who review it; never in the audit or a log.
    `minutes` may ask for less time than the policy gives.
    """

    reason: Reason
    minutes: Annotated[int, Field(ge=1, le=24 * 60)] | None = None

    model_config = example({"reason": "Called the crisis line, spoke of pills, hung up. His team can't be reached."})


class AccessReviewIn(In):
    """`needs_follow_up` leaves it on the list, to be reviewed again."""

    verdict: Verdict
    remark: Annotated[str, StringConstraints(max_length=2_000), _NO_NUL] = ""

    model_config = example({"verdict": "justified", "remark": "The call is on the crisis line's list."})


class ExceptionalItemOut(Out):
    """`account_id` got into the chart, `opened_by` opened it. `until` is when broken glass stops to count; a handover gives
    nothing of itself. `verdict` is null until somebody looked at it.
    """

    id: UUID
    client_id: UUID
    account_id: UUID
    way: AccessWay
    opened_by: UUID
    opened_at: Rfc3339
    until: Rfc3339
    review_due_at: Rfc3339
    verdict: Verdict | None


class ExceptionalAccessOut(ExceptionalItemOut):
    """With why it was opened, and what the review said."""

    version: int
    reason: str
    ended_by: UUID | None
    remark: str
    reviewed_by: UUID | None
    reviewed_at: Rfc3339 | None

    model_config = example(
        _LISTED
        | {
            "version": 1,
            "reason": "Called the crisis line, spoke of pills, hung up. His team can't be reached.",
            "ended_by": None,
            "remark": "",
            "reviewed_by": None,
            "reviewed_at": None,
        }
    )


class ExceptionalListOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[ExceptionalItemOut, ...]
    next: str | None

    model_config = example({"items": [_LISTED], "next": None})
