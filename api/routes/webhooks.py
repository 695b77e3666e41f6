"""Webhooks: where word of changes goes, by ids alone. For operators."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, told, written
from api.asks import Editor, Reader
from api.declare import answers, changes, reads
from api.dispatch import Operation
from api.models.egress import UnderAgreementIn
from api.models.webhooks import WebhookIn, WebhookOut, WebhookSecretOut, WebhooksOut
from domain.errors import Invalid
from domain.model.checks import TextNotAllowed
from domain.model.webhook import WebhookNotFound, WebhookNotPaused, WebhookPaused
from domain.ports.egress import EgressAgreementEnded, EgressNotAgreed, EgressPurposeNotAgreed
from domain.ports.feed import PositionAhead
from domain.ports.webhooks import TargetRefused
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering import microseconds_as_json
from domain.services.webhooks import IssuedWebhookSecret, WebhookState

router = APIRouter(prefix="/v1/webhooks", tags=["Webhooks"], route_class=Operation)

_THERE = (RoleNotPermitted, WebhookNotFound)
_TERMS = (EgressNotAgreed, EgressAgreementEnded, EgressPurposeNotAgreed)


@router.post(
    "",
    **answers(
        "Register a webhook",
        WebhookSecretOut,
        RoleNotPermitted,
        *_TERMS,
        TargetRefused,
        PositionAhead,
        Invalid,
        TextNotAllowed,
        status=201,
        action=Action.WEBHOOK_REGISTER,
    ),
)
def register_webhook(body: WebhookIn, ask: Reader) -> Response:
    """It is sent a message for each change, in the order of the log, at least once: `{"type": "record.changed",
    "timestamp", "data": {"position", "client_id", "resource_id"}}`, never a text, never the precise kind. What is sent is on
    record. An Idempotency-Key is not taken here: secrets are never remembered.
    """
    webhook_id = ask.runtime.ids.ordered()
    service = ask.services.webhooks
    issued = service.register(
        ask.call(), webhook_id, agreement_id=body.agreement_id, url=body.url, kinds=body.kinds, after=body.after
    )
    return _issued(webhook_id, issued)


@router.get("", **reads("List webhooks", WebhooksOut, RoleNotPermitted, action=Action.WEBHOOK_READ))
def list_webhooks(ask: Reader) -> Response:
    """Oldest first, with how far each has come."""
    return found({"items": [_webhook_as_json(state) for state in ask.services.webhooks.browse(ask.call())]})


@router.get("/{webhook_id}", **reads("Read a webhook", WebhookOut, *_THERE, versioned=True, action=Action.WEBHOOK_READ))
def read_webhook(webhook_id: UUID, ask: Reader) -> Response:
    """How it is set, how far it has come and how its last attempt ended; never its secret."""
    state = ask.services.webhooks.read(ask.call(), webhook_id)
    return found(_webhook_as_json(state), version=state.webhook.version)


@router.post(
    "/{webhook_id}/secret",
    **answers("Change a webhook's secret", WebhookSecretOut, *_THERE, status=201, action=Action.WEBHOOK_CHANGE),
)
def rotate_webhook_secret(webhook_id: UUID, ask: Reader) -> Response:
    """For a day messages carry signatures by both secrets; receivers change theirs meanwhile."""
    return _issued(webhook_id, ask.services.webhooks.rotate_secret(ask.call(), webhook_id))


@router.post("/{webhook_id}/paused", **changes("Pause a webhook", *_THERE, WebhookPaused, action=Action.WEBHOOK_CHANGE))
def pause_webhook(webhook_id: UUID, ask: Editor) -> Response:
    """Nothing is lost: it goes on where it stopped. One that takes nothing for a day pauses by itself."""
    return written(ask.services.webhooks.pause(ask.writing(), webhook_id))


@router.post(
    "/{webhook_id}/resumed",
    **changes("Resume a webhook", *_THERE, WebhookNotPaused, *_TERMS, action=Action.WEBHOOK_CHANGE),
)
def resume_webhook(webhook_id: UUID, ask: Editor) -> Response:
    """Begins again at once with what it missed."""
    return written(ask.services.webhooks.resume(ask.writing(), webhook_id))


@router.post(
    "/{webhook_id}/agreement",
    **changes("Place a webhook under an agreement", *_THERE, *_TERMS, action=Action.WEBHOOK_CHANGE),
)
def place_webhook_under_agreement(webhook_id: UUID, body: UnderAgreementIn, ask: Editor) -> Response:
    """Under another one, or under one at last. One that paused as `not_agreed` is then resumed."""
    return written(ask.services.webhooks.place_under(ask.writing(), webhook_id, body.agreement_id))


@router.delete("/{webhook_id}", **changes("Remove a webhook", *_THERE, action=Action.WEBHOOK_CHANGE))
def remove_webhook(webhook_id: UUID, ask: Editor) -> Response:
    """For good. What it was sent stays on record."""
    return written(ask.services.webhooks.remove(ask.writing(), webhook_id))


def _issued(webhook_id: UUID, issued: IssuedWebhookSecret) -> Response:
    receipt = issued.receipt
    document = {
        "id": str(webhook_id),
        "version": receipt.version,
        "position": receipt.position,
        "secret": issued.secret,
    }
    return told(document, 201)


def _webhook_as_json(state: WebhookState) -> dict[str, Any]:
    """Never a secret."""
    webhook, delivery = state.webhook, state.delivery
    waits = delivery.attempts and delivery.due_at_us
    return {
        "id": str(webhook.id),
        "version": webhook.version,
        "agreement_id": str(webhook.agreement_id) if webhook.agreement_id else None,
        "url": webhook.url,
        "kinds": list(webhook.kinds),
        "status": webhook.status.value,
        "pause_reason": webhook.pause_reason.value if webhook.pause_reason else None,
        "position": delivery.position,
        "delivered": delivery.delivered,
        "failed": delivery.failed,
        "last_outcome": delivery.outcome.value,
        "failing_since": microseconds_as_json(delivery.failing_since_us) if delivery.failing_since_us else None,
        "next_attempt_at": microseconds_as_json(delivery.due_at_us) if waits else None,
        "registered_at": microseconds_as_json(delivery.created_at_us),
    }
