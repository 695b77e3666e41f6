"""A whole record as one bundle of resources."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import orjson

from adapters.fhir import journal, outcomes, people
from adapters.fhir.parts import Json, compact, instant
from domain.model.appointment import Appointment
from domain.model.clinical import record_class_of
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal
from domain.model.measure import Measure
from domain.model.medication import Medication
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan
from domain.ports.keys import RecordClass
from domain.services.exports import NOTICES, Export

_ONE: Final[Mapping[type[Any], Callable[[Any], Json]]] = MappingProxyType(
    {
        Transcript: journal.transcript,
        Appointment: journal.appointment,
        Goal: outcomes.goal,
        RiskFlag: outcomes.risk_flag,
        Diagnosis: outcomes.diagnosis,
        Medication: outcomes.medication,
        TreatmentPlan: outcomes.treatment_plan,
        SafetyPlan: outcomes.safety_plan,
    }
)
_SEVERAL: Final[Mapping[type[Any], Callable[[Any], Iterable[Json]]]] = MappingProxyType(
    {Session: journal.session, Measure: outcomes.measure}
)
_PROTECTED: Final = {
    "security": [
        {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R", "display": "restricted"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "42CFRPart2"},
    ]
}


class FhirRecords:
    """Satisfies domain.services.exports.FhirWriter: FHIR R4B, a bundle of type `collection`."""

    def bundle(self, export: Export) -> bytes:
        """UTF-8 JSON. Raises pydantic's ValidationError if the specification refuses it, which is a fault of ours."""
        told = [compact(each) for each in _resources(export)]
        there = {f"urn:uuid:{each['id']}" for each in told}
        own = {f"urn:uuid:{person.id}": f"urn:uuid:{export.client.id}" for person in export.people if person.is_client}
        entries = [{"fullUrl": f"urn:uuid:{each['id']}", "resource": pointed_within(each, there, own)} for each in told]
        bundle = {
            "resourceType": "Bundle",
            "type": "collection",
            "timestamp": instant(export.made_at),
            "meta": {"tag": [{"display": NOTICES[code]} for code in export.notices]},
            "entry": entries,
        }
        from fhir.resources.R4B.bundle import Bundle  # noqa: PLC0415 - its classes take thirty megabytes

        told = compact(bundle)
        # Held to the specification whole; written by ourselves, which takes a fraction of the time of its own writer.
        Bundle.model_validate(told)
        return orjson.dumps(told)


def _resources(export: Export) -> Iterator[Json]:
    client = export.client
    yield people.patient(client, export.identity)
    if export.identity is not None and export.identity.content.representative is not None:
        yield people.representative(client.id, export.identity.content.representative)
    for person in export.people:
        if not person.is_client:
            yield people.account(person, client.id)
    yield from people.consents(client)
    for record in export.records:
        one = _ONE.get(type(record))
        told = [one(record)] if one else _SEVERAL[type(record)](record)
        protected = record_class_of(record) is RecordClass.SUD
        yield from ({**each, "meta": _PROTECTED} if protected else each for each in told)


def pointed_within(told: Any, there: Collection[str], own: Mapping[str, str]) -> Any:
    """With references that lead somewhere: the client's account is the Patient, and what is not in the bundle (an account of
    the host, a record that the reader isn't shown) is named by its identifier alone.
    """
    if isinstance(told, Mapping):
        if set(told) == {"reference"}:
            target = own.get(told["reference"], told["reference"])
            if target in there:
                return {"reference": target}
            return {"identifier": {"system": "urn:ietf:rfc:3986", "value": target}}
        return {name: pointed_within(value, there, own) for name, value in told.items()}
    if isinstance(told, list):
        return [pointed_within(value, there, own) for value in told]
    return told
