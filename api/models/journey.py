"""The journey as it is answered."""

from typing import Any, Literal
from uuid import UUID

from api.models.common import Out, Rfc3339, example
from api.models.sessions import SESSION_EXAMPLE

JourneyKind = Literal[
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
]
JourneyClass = Literal["journal", "measures"]


class JourneyItemOut(Out):
    """One thing that happened. `content` reads as the resource's own read would; `positions` are its events in the log."""

    kind: JourneyKind
    id: UUID
    client_id: UUID
    state: str
    version: int
    happened_at: Rfc3339
    recorded_at: Rfc3339
    positions: tuple[int, ...]
    content: dict[str, Any]


class JourneyOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[JourneyItemOut, ...]
    next: str | None

    model_config = example(
        {
            "items": [
                {
                    "kind": "session",
                    "id": SESSION_EXAMPLE["id"],
                    "client_id": SESSION_EXAMPLE["client_id"],
                    "state": "signed",
                    "version": 2,
                    "happened_at": "2026-03-02T09:00:00Z",
                    "recorded_at": "2026-03-02T10:05:11.120000Z",
                    "positions": [1041, 1055],
                    "content": SESSION_EXAMPLE,
                }
            ],
            "next": None,
        }
    )
