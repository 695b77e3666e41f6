"""Webhooks as they are sent and answered. Secrets go out once."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, Out, Rfc3339, example
from domain.model.webhook import PauseReason, WebhookKind, WebhookStatus

_ID: Final = "01950f2e-6d3a-7001-8f00-00000000000c"
_SECRET: Final = "whsec_c2FtcGxlLW9ubHktc2FtcGxlLW9ubHktc2FtcGxlLTE="  # noqa: S105 - a sample
_URL: Final = "https://platform.example/hooks/anamnesis"
_AGREEMENT: Final = "01950f2e-7a10-7c11-9a52-6a4f5f0f3d10"
_WEBHOOK: Final = {
    "id": _ID,
    "agreement_id": _AGREEMENT,
    "version": 1,
    "url": _URL,
    "kinds": ["record"],
    "status": "active",
    "pause_reason": None,
    "position": 4711,
    "delivered": 120,
    "failed": 2,
    "last_outcome": "delivered",
    "failing_since": None,
    "next_attempt_at": None,
    "registered_at": "2026-01-07T08:00:00Z",
}


class WebhookIn(In):
    """`kinds` as coarse as the log shows them: `client` (care teams, consents), `identity`, `record` (everything clinical).
    Without `after` it is told of what comes from now on. Only what the agreement covers is told: its hosts must include the
    one in `url`, its purposes operations; changes of classes that it leaves out are passed over.
    """

    agreement_id: UUID
    url: Annotated[str, Field(min_length=8, max_length=1_000, json_schema_extra={"format": "uri"})]
    kinds: Annotated[tuple[WebhookKind, ...], Field(min_length=1, max_length=len(WebhookKind))] = tuple(WebhookKind)
    after: Annotated[int, Field(ge=0, le=2**63 - 1)] | None = None

    model_config = example({"agreement_id": _AGREEMENT, "url": _URL, "kinds": ["record"], "after": None})


class WebhookSecretOut(Out):
    """Keep `secret` now: it is not shown again. Messages are signed as Standard Webhooks has it."""

    id: UUID
    version: int
    position: int
    secret: str

    model_config = example({"id": _ID, "version": 1, "position": 4711, "secret": _SECRET})


class WebhookOut(Out):
    """`position`: everything up to there was delivered or passed over. `last_outcome` is a code, "" before the first attempt.
    `agreement_id` is null for webhooks registered before agreements were asked for: place them under one.
    """

    id: UUID
    agreement_id: UUID | None
    version: int
    url: str
    kinds: tuple[WebhookKind, ...]
    status: WebhookStatus
    pause_reason: PauseReason | None
    position: int
    delivered: int
    failed: int
    last_outcome: str
    failing_since: Rfc3339 | None
    next_attempt_at: Rfc3339 | None
    registered_at: Rfc3339

    model_config = example(_WEBHOOK)


class WebhooksOut(Out):
    items: tuple[WebhookOut, ...]

    model_config = example({"items": [_WEBHOOK]})
