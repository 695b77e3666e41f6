"""The way out: whatever tells somebody outside the house something about clients asks here first.

Who wants to send describes the departure and gets a permit, or learns why not. The adapter that connects hands the permit
in at the gate before it does, and without one it does not connect.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.errors import Denied
from domain.ports.call import Call, Purpose
from domain.ports.keys import RecordClass


class EgressDenied(Denied):
    """What all refusals at the way out have in common."""

    code = "egress_denied"
    message = "This may not leave the deployment."


class EgressNotAgreed(EgressDenied):
    code = "egress_not_agreed"
    message = "No agreement on record covers sending anything there."
    hint = "Record the agreement with its recipient, and name the host in it; see docs/egress.md."


class EgressAgreementEnded(EgressDenied):
    code = "egress_agreement_ended"
    message = "The agreement that covered this has ended."


class EgressPurposeNotAgreed(EgressDenied):
    code = "egress_purpose_not_agreed"
    message = "The agreement does not cover this purpose."


class EgressClassNotAgreed(EgressDenied):
    code = "egress_class_not_agreed"
    message = "The agreement does not cover records of this class, or not in this form."


class EgressConsentMissing(EgressDenied):
    code = "egress_consent_missing"
    message = "The client has not consented to this being sent."


class PermitRefused(EgressDenied):
    code = "egress_permit_refused"
    message = "There is no permit for this connection, or not for this host, or it was used or is too old."


class Form(StrEnum):
    """How much goes out: `text` covers `ids` as well."""

    IDS = "ids"
    TEXT = "text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What is to leave: under which agreement (None: under none), to which host (its name alone, in lower case), what for,
    how much, whose and of which classes. `clients` is empty only for what names no client.
    """

    agreement_id: UUID | None
    host: str
    purpose: Purpose
    form: Form
    clients: frozenset[UUID]
    classes: frozenset[RecordClass]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Good once, for one host, until `until`, while the agreement stands. The gate knows those it gave; one that is put
    together elsewhere it does not.
    """

    id: UUID
    agreement_id: UUID
    host: str
    until: datetime


class Egress(Protocol):
    def permit(self, call: Call, departure: Departure) -> Permit:
        """Raises EgressDenied (its class says why), Denied, StoreUnavailable, KeysUnavailable. The caller puts on record
        what was sent, or that it was not.
        """


class Gate(Protocol):
    def redeem(self, permit: Permit, host: str) -> None:
        """Right before the connection to `host`. Raises PermitRefused, StoreUnavailable, KeysUnavailable."""


class AgreementList(Protocol):
    def listed(self) -> Sequence[UUID]:
        """Ids of all agreements there ever were, oldest first. Raises StoreUnavailable."""
