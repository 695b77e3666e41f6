"""Agreements and disclosures as they are sent and answered. Neither names a client in a text."""

from datetime import date
from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, Label, Line, Out, Rfc3339, example
from domain.model.agreement import ADDRESS_MOST, HOSTS_MOST, LEAVING, AgreementKind
from domain.model.disclosure import LegalBasis
from domain.ports.call import Purpose
from domain.ports.egress import Form
from domain.ports.keys import RecordClass

Day = Annotated[date, Field(strict=False, json_schema_extra={"format": "date"})]
_LISTED: Final = {"pattern": "^[^\\u0000]*$"}
_ID: Final = "01950f2e-7a10-7c11-9a52-6a4f5f0f3d10"
_TERMS: Final = {
    "recipient": "Platform Ltd",
    "address": "12 Harbour Road, Bristol",
    "kind": "business_associate",
    "purposes": ["operations"],
    "classes": ["journal", "measures"],
    "form": "ids",
    "hosts": ["platform.example"],
    "signed_on": "2026-01-05",
    "ends_on": "2028-01-04",
    "document": "contracts/2026-017",
}
_AGREEMENT: Final = _TERMS | {
    "id": _ID,
    "version": 1,
    "recorded_at": "2026-01-07T08:00:00Z",
    "ended_at": None,
    "in_force": True,
}


class AgreementIn(In):
    """Hosts are names alone, in lower case. `form` ids: opaque ids and nothing else; text covers ids as well. Substance-use
    records (`sud`) go to a qualified service organisation only. Days are inclusive, in UTC.
    """

    recipient: Label
    address: Annotated[str, Field(max_length=ADDRESS_MOST, json_schema_extra=_LISTED)] = ""
    kind: AgreementKind
    purposes: Annotated[tuple[Purpose, ...], Field(min_length=1, max_length=len(Purpose))]
    classes: Annotated[tuple[RecordClass, ...], Field(max_length=len(LEAVING))]
    form: Form = Form.IDS
    hosts: Annotated[tuple[Annotated[str, Field(pattern="^[a-z0-9._:-]{1,253}$")], ...], Field(max_length=HOSTS_MOST)]
    signed_on: Day
    ends_on: Day | None = None
    document: Annotated[Line, Field(max_length=200)] = ""

    model_config = example(_TERMS)


class AgreementOut(Out):
    """`in_force`: begun, not ended and not past its last day, as of this answer."""

    id: UUID
    version: int
    recipient: str
    address: str
    kind: AgreementKind
    purposes: tuple[Purpose, ...]
    classes: tuple[RecordClass, ...]
    form: Form
    hosts: tuple[str, ...]
    signed_on: date
    ends_on: date | None
    document: str
    recorded_at: Rfc3339
    ended_at: Rfc3339 | None
    in_force: bool

    model_config = example(_AGREEMENT)


class AgreementsOut(Out):
    """Oldest first, those that are over included."""

    items: tuple[AgreementOut, ...]

    model_config = example({"items": [_AGREEMENT]})


class DisclosureIn(In):
    """What was given away by hand, to whom and why. Never a text: the accounting outlives the record."""

    agreement_id: UUID
    purpose: Purpose
    classes: Annotated[tuple[RecordClass, ...], Field(min_length=1, max_length=len(RecordClass))]
    disclosed_on: Day
    legal_basis: LegalBasis

    model_config = example(
        {
            "agreement_id": _ID,
            "purpose": "client_request",
            "classes": ["journal"],
            "disclosed_on": "2026-04-10",
            "legal_basis": "authorisation",
        }
    )


class UnderAgreementIn(In):
    agreement_id: UUID

    model_config = example({"agreement_id": _ID})
