"""Audit entries as they are answered."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field

from api.models.common import Out, Rfc3339, example
from domain.ports.audit import Outcome
from domain.ports.call import Purpose, Role


class AuditRecordOut(Out):
    """`request_id` is the one the answer carried; `origin` where the call came from; `reason` why it was denied;
    `on_behalf_of` whose grant a job acted under; `clients` whom a list showed.
    """

    position: int
    leaf: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    recorded_at: Rfc3339
    request_id: UUID
    actor_id: UUID
    actor_role: Role
    on_behalf_of: UUID | None
    action: str
    client_id: UUID | None
    clients: tuple[UUID, ...]
    resources: tuple[UUID, ...]
    outcome: Outcome
    reason: str
    purpose: Purpose
    origin: str


class AuditOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[AuditRecordOut, ...]
    next: str | None

    model_config = example(
        {
            "items": [
                {
                    "position": 1056,
                    "leaf": "5f0b7f4f3c2c7a0f1b5c3f8a9be1d6c25f0b7f4f3c2c7a0f1b5c3f8a9be1d6c2",
                    "recorded_at": "2026-03-02T10:07:30.004000Z",
                    "request_id": "01950f2e-9c11-7a01-8b02-0c0d0e0f1011",
                    "actor_id": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
                    "actor_role": "clinician",
                    "on_behalf_of": None,
                    "action": "session.sign",
                    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
                    "clients": [],
                    "resources": ["01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"],
                    "outcome": "allowed",
                    "reason": "",
                    "purpose": "treatment",
                    "origin": "192.0.2.17",
                }
            ],
            "next": None,
        }
    )


class LookOut(Out):
    """`words` says the action in plain words; `name` is empty where the practice shows none; `emergency` is true for what was
    done after breaking the glass.
    """

    position: int
    at: Rfc3339
    account_id: UUID
    role: Role
    name: str
    action: str
    words: str
    purpose: Purpose
    outcome: Outcome
    emergency: bool


class AccessLogOut(Out):
    """`next` is the cursor of the following page, null on the last."""

    items: tuple[LookOut, ...]
    next: str | None

    model_config = example(
        {
            "items": [
                {
                    "position": 1056,
                    "at": "2026-03-02T10:07:30.004000Z",
                    "account_id": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
                    "role": "clinician",
                    "name": "",
                    "action": "journey.read",
                    "words": "looked at the journey",
                    "purpose": "treatment",
                    "outcome": "allowed",
                    "emergency": False,
                }
            ],
            "next": None,
        }
    )


class DisclosureOut(Out):
    """`recipient` is empty where only the id of an agreement or a webhook is known; `what` are ids of what was disclosed,
    none when it was everything that the action says. `disclosed_on`, `classes` and `legal_basis` are of what people gave by
    hand; `at` is when it came to be on record.
    """

    position: int
    leaf: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    at: Rfc3339
    recipient_id: UUID | None
    recipient: str
    action: str
    words: str
    what: tuple[UUID, ...]
    purpose: Purpose
    disclosed_on: date | None
    classes: tuple[str, ...]
    legal_basis: str | None
    account_id: UUID
    role: Role


class DisclosuresOut(Out):
    """Newest first."""

    items: tuple[DisclosureOut, ...]

    model_config = example(
        {
            "items": [
                {
                    "position": 2210,
                    "leaf": "5f0b7f4f3c2c7a0f1b5c3f8a9be1d6c25f0b7f4f3c2c7a0f1b5c3f8a9be1d6c2",
                    "at": "2026-04-11T08:30:00Z",
                    "recipient_id": "01950f2e-7a10-7c11-9a52-6a4f5f0f3d10",
                    "recipient": "Statutory health insurer",
                    "action": "disclosure.record",
                    "words": "recorded that something of the record was given to somebody else",
                    "what": ["01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"],
                    "purpose": "client_request",
                    "disclosed_on": "2026-04-10",
                    "classes": ["journal"],
                    "legal_basis": "authorisation",
                    "account_id": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
                    "role": "clinician",
                }
            ]
        }
    )
