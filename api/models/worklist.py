"""The work list as it is answered."""

from typing import Literal
from uuid import UUID

from api.models.common import Out, Rfc3339, example


class WorkItemOut(Out):
    """`since` is when it became due. `resource_id` is the session, goal, flag, plan or exceptional access in question, null for a measure that is
    missing; `instrument` the measure that the treatment plan asks for, null where any will do.
    """

    kind: Literal[
        "risk_flag_unacknowledged",
        "session_awaiting_cosignature",
        "session_unsigned",
        "plan_review_due",
        "measure_overdue",
        "goal_stale",
        "exceptional_access",
    ]
    client_id: UUID
    resource_id: UUID | None
    since: Rfc3339
    severity: Literal["urgent", "high", "moderate", "low"]
    instrument: str | None


class WorklistOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[WorkItemOut, ...]
    next: str | None

    model_config = example(
        {
            "items": [
                {
                    "kind": "risk_flag_unacknowledged",
                    "client_id": "9b2f7c1e-2d44-4c3b-8f11-6a0e5d2c7a10",
                    "resource_id": "01950f2e-6d3a-7a01-8f00-5c3e9b1d2a44",
                    "since": "2026-03-03T09:00:00Z",
                    "severity": "urgent",
                    "instrument": None,
                },
                {
                    "kind": "measure_overdue",
                    "client_id": "9b2f7c1e-2d44-4c3b-8f11-6a0e5d2c7a10",
                    "resource_id": None,
                    "since": "2026-03-01T10:00:00Z",
                    "severity": "low",
                    "instrument": "phq-9",
                },
            ],
            "next": None,
        }
    )
