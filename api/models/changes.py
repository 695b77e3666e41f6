"""The change feed as it is answered."""

from uuid import UUID

from api.models.common import Out, Rfc3339, example

_CHANGE = {
    "position": 4711,
    "kind": "session.signed",
    "resource_id": "01950f2e-6d3a-7001-8f00-00000000000a",
    "version": 2,
    "client_id": "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10",
    "recorded_at": "2026-03-02T10:03:00Z",
}


class ChangeOut(Out):
    """`resource_id` and `version` name what changed, to be read by the caller's own rights. `kind` is precise, such as
    `session.signed`, where the caller was let into the chart; elsewhere it is `client`, `identity` or `record`. It is null
    where the record was erased.
    """

    position: int
    kind: str | None
    resource_id: UUID
    version: int
    client_id: UUID | None
    recorded_at: Rfc3339

    model_config = example(_CHANGE)


class ChangesOut(Out):
    """`scanned` is the position to go on from, also where `items` is empty; `more` says whether to ask again at once."""

    items: tuple[ChangeOut, ...]
    scanned: int
    more: bool

    model_config = example({"items": [_CHANGE], "scanned": 4712, "more": False})
