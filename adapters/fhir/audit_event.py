"""Audit entries as FHIR R4B AuditEvents, checked by the published model before they leave."""

from collections.abc import Mapping
from datetime import UTC
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import orjson

from domain.ports.audit import AuditRecord, Outcome
from domain.ports.call import Purpose

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_REASON: Final = "http://terminology.hl7.org/CodeSystem/v3-ActReason"
_ACTIONS: Final = "urn:anamnesis:audit-action"
_ROLES: Final = "urn:anamnesis:role"
POSITION: Final = "urn:anamnesis:log-position"
"""URL of the extension that says where in the log the entry stands; beside it that of its leaf, hexadecimal."""
LEAF: Final = "urn:anamnesis:log-leaf"

_OUTCOMES: Final = MappingProxyType({Outcome.ALLOWED: "0", Outcome.DENIED: "4", Outcome.FAILED: "8"})
_PURPOSES: Final = MappingProxyType(
    {
        Purpose.TREATMENT: "TREAT",
        Purpose.OPERATIONS: "HOPERAT",
        Purpose.COMPLIANCE: "HCOMPL",
        Purpose.CLIENT_REQUEST: "PATRQT",
        Purpose.MODEL_TRAINING: "HOPERAT",
        Purpose.RESEARCH: "HRESCH",
        Purpose.EMERGENCY: "BTG",
    }
)
_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "C": "add_secret attach authorise bootstrap create give_consent join_care_team open place plan raise record register"
        " request set write",
        "R": "caseload directory find list list_own read read_of_client read_own search account_disclosures",
        "D": "discard discard_stale disable leave_care_team lift remove_second_factor revoke revoke_secret step_down"
        " sign_out withdraw_consent",
        "E": "carry_out challenge checkpoint deliver export make recover refresh restore rotate run sweep take",
    }
)
"""Verbs of actions by what FHIR calls them; the others change something."""
_CODE_OF: Final = {verb: code for code, verbs in _DONE.items() for verb in verbs.split()}
_TYPES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sign_in": ("110114", "User Authentication"),
        "api": ("110114", "User Authentication"),
        "export": ("110106", "Export"),
        "disclosure": ("110106", "Export"),
        "webhook": ("110106", "Export"),
        "audit": ("110101", "Audit Log Used"),
        "log": ("110101", "Audit Log Used"),
        "break_glass.open": ("110127", "Emergency Override Started"),
        "break_glass.end": ("110138", "Emergency Override Stopped"),
        "account": ("110137", "User Security Attributes Changed"),
        "keys": ("110132", "Use of Restricted Function"),
        "backup": ("110132", "Use of Restricted Function"),
    }
)
_RECORD: Final = ("110110", "Patient Record")


class FhirAudit:
    """Implements domain.ports.audit.AuditRendering.

    The model takes over a millisecond an event. So the first event of each shape is checked by it; those that follow
    differ from it in ids and times alone.
    """

    def __init__(self) -> None:
        self._checked: set[tuple[Any, ...]] = set()

    def event(self, record: AuditRecord) -> bytes:
        """An AuditEvent as JSON. Raises pydantic's ValidationError for what the model of R4B does not take."""
        event = event_of(record)
        shape = _shape(record)
        if shape not in self._checked:
            from fhir.resources.R4B.auditevent import AuditEvent  # noqa: PLC0415 - its classes take thirty megabytes

            AuditEvent.model_validate(event)
            self._checked.add(shape)
        return orjson.dumps(event)


def _shape(record: AuditRecord) -> tuple[Any, ...]:
    """What an event's fields follow from but for ids, times and addresses."""
    codes = (record.actor_role, record.action, record.outcome, record.reason, record.purpose)
    parts = (record.client_id is None, not record.clients, not record.resources, record.on_behalf_of is None)
    return (*codes, *parts, bool(record.origin))


def event_of(record: AuditRecord) -> dict[str, Any]:
    """An entry as a plain object."""
    subject, _, verb = record.action.partition(".")
    code, display = _TYPES.get(record.action) or _TYPES.get(subject, _RECORD)
    event: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": str(record.position),
        "extension": [
            {"url": POSITION, "valueString": str(record.position)},
            {"url": LEAF, "valueString": record.leaf.hex()},
        ],
        "type": {"system": _DCM, "code": code, "display": display},
        "subtype": [{"system": _ACTIONS, "code": record.action}],
        "action": _CODE_OF.get(verb, "U"),
        "recorded": record.recorded_at.astimezone(UTC).isoformat(),
        "outcome": _OUTCOMES[Outcome(record.outcome)],
        "purposeOfEvent": [
            {"coding": [{"system": _REASON, "code": _PURPOSES[Purpose(record.purpose)]}], "text": record.purpose}
        ],
        "agent": _agents(record),
        "source": {"observer": {"display": "anamnesis"}},
    }
    if record.reason:
        event["outcomeDesc"] = record.reason
    if entities := _entities(record):
        event["entity"] = entities
    return event


def _agents(record: AuditRecord) -> list[dict[str, Any]]:
    actor: dict[str, Any] = {
        "who": _reference(record.actor_id),
        "role": [{"coding": [{"system": _ROLES, "code": record.actor_role}]}],
        "requestor": True,
    }
    if network := _network(record.origin):
        actor["network"] = network
    if record.on_behalf_of is None:
        return [actor]
    return [actor, {"who": _reference(record.on_behalf_of), "requestor": False}]


def _network(origin: str) -> dict[str, str] | None:
    """An address; calls of the worker and the host have none."""
    try:
        return {"address": str(ip_address(origin)), "type": "2"}
    except ValueError:
        return {"address": origin, "type": "1"} if origin else None


def _entities(record: AuditRecord) -> list[dict[str, Any]]:
    """Clients first, each once, then what was read or written, and the request that all entries of one call share."""
    clients = dict.fromkeys((*((record.client_id,) if record.client_id else ()), *record.clients))
    patients = [{"what": {"reference": f"Patient/{client}"}, "type": _kind("1", "Person")} for client in clients]
    things = [{"what": _reference(thing)} for thing in record.resources if thing not in clients]
    return [*patients, *things, {"what": _reference(record.request_id), "description": "request"}]


def _kind(code: str, display: str) -> dict[str, str]:
    return {
        "system": "http://terminology.hl7.org/CodeSystem/audit-entity-type",
        "code": code,
        "display": display,
    }


def _reference(thing: UUID) -> dict[str, Any]:
    return {"identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{thing}"}}
