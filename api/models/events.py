"""Single events as they are answered."""

from typing import Any
from uuid import UUID

from api.models.common import Out, Rfc3339, example


class EventOut(Out):
    """An event as it was stored. `happened_at` is the event's own time, `recorded_at` when the log took it; `leaf` is the hash
    that stands for it in the log, hexadecimal; `data` are its fields.
    """

    position: int
    kind: str
    resource_id: UUID
    version: int
    client_id: UUID
    record_class: str
    recorded_at: Rfc3339
    happened_at: Rfc3339 | None
    leaf: str
    data: dict[str, Any]

    model_config = example(
        {
            "position": 1055,
            "kind": "session.signed",
            "resource_id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10",
            "version": 2,
            "client_id": "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10",
            "record_class": "journal",
            "recorded_at": "2026-03-02T10:05:11.120000Z",
            "happened_at": "2026-03-02T10:05:11.101000Z",
            "leaf": "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592",
            "data": {"signed_by": "7c11f2e4-6d3b-4f0f-9a52-6a4f5f0f3d10"},
        }
    )
