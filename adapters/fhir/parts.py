"""Pieces that resources are put together from. A resource is a plain object until the whole bundle is validated."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from domain.model.moment import MomentInZone
from domain.ports.call import Purpose
from domain.services.rendering import instant_as_json

Json = dict[str, Any]

TERMINOLOGY: Final = "http://terminology.hl7.org/CodeSystem/"
LOINC: Final = "http://loinc.org"
ICD_10_CM: Final = "http://hl7.org/fhir/sid/icd-10-cm"
PURPOSES: Final[Mapping[Purpose, str]] = MappingProxyType(
    {
        Purpose.TREATMENT: "TREAT",
        Purpose.OPERATIONS: "HOPERAT",
        Purpose.COMPLIANCE: "HCOMPL",
        Purpose.CLIENT_REQUEST: "PATRQT",
        Purpose.RESEARCH: "HRESCH",
        Purpose.EMERGENCY: "ETREAT",
    }
)
"""HL7's PurposeOfUse (v3-ActReason). It has no code for the training of models, and any that is near would tell a receiver
of a consent which nobody gave; that purpose goes under a code of ours.
"""
OWN_PURPOSES: Final = "urn:anamnesis:purpose"


def compact(told: Any) -> Any:
    """Without what is empty: FHIR knows no empty strings, lists or objects."""
    if isinstance(told, Mapping):
        kept = {name: compact(value) for name, value in told.items()}
        return {name: value for name, value in kept.items() if value not in (None, "", [], {})}
    if isinstance(told, list | tuple):
        return [value for value in map(compact, told) if value not in (None, "", [], {})]
    return told


def resource(kind: str, record_id: UUID, **elements: Any) -> Json:
    """A resource under the id that the record has here."""
    return {"resourceType": kind, "id": str(record_id), **elements}


def reference(record_id: UUID | str | None) -> Json | None:
    """To another resource of the bundle."""
    return None if record_id is None else {"reference": f"urn:uuid:{record_id}"}


def coding(system: str, code: str, display: str = "") -> Json:
    """`system` as HL7 terminology names it, or a whole address."""
    return {"system": system if ":" in system else TERMINOLOGY + system, "code": code, "display": display}


def concept(*codings: Json, text: str = "") -> Json:
    return {"coding": list(codings), "text": text}


def instant(moment: datetime | None) -> str | None:
    """To the second or finer, in UTC."""
    return instant_as_json(moment)


def local(moment: MomentInZone, after: timedelta = timedelta()) -> str:
    """The instant, and `after` it, as the clock showed it where it took place."""
    return (moment.local + after).isoformat()


def period(start: str | None, end: str | None = None) -> Json:
    return {"start": start, "end": end}


def purpose(of_use: Purpose) -> Json:
    if of_use not in PURPOSES:
        return coding(OWN_PURPOSES, of_use.value, of_use.value.replace("_", " "))
    return coding("v3-ActReason", PURPOSES[of_use])
