"""Everything about a client in one document: for the client, for whoever treats them next, for another deployment.

The document holds the record as it stands, and for who leads the treatment and for the host also its history: each event as
it lies in the log, from which an import makes the very same record again. What leaves by a document is out of our hands,
so notices say what rules go with it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Protocol
from uuid import UUID

from domain.model import substance_use
from domain.model.account import Account, AccountNotFound
from domain.model.appointment import Appointment
from domain.model.client import Client, ClientNotFound
from domain.model.clinical import record_class_of
from domain.model.diagnosis import Diagnosis
from domain.model.goal import Goal
from domain.model.identity import Identity
from domain.model.measure import Measure
from domain.model.medication import Medication
from domain.model.note import Note
from domain.model.risk_flag import RiskFlag
from domain.model.safety_plan import SafetyPlan
from domain.model.session import Session, SessionStatus
from domain.model.transcript import Transcript
from domain.model.treatment_plan import TreatmentPlan
from domain.ports.access import AccessState, Standing
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.exports import HistoryEvent, WholeRecords
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action, decide
from domain.services.rendering import (
    Json,
    appointment_as_json,
    client_as_json,
    identity_as_json,
    instant_as_json,
    session_as_json,
)
from domain.services.rendering_care import (
    diagnosis_as_json,
    medication_as_json,
    safety_plan_as_json,
    transcript_as_json,
    treatment_plan_as_json,
)
from domain.services.rendering_notes import note_as_json
from domain.services.rendering_outcomes import goal_as_json, measure_as_json, risk_flag_as_json

FORMAT: Final = "anamnesis/export"
VERSION: Final = 1
LEFT_OUT: Final = ("psychotherapy_notes_of_others", "drafts", "audit_entries")
"""What no export holds, whether or not there is any. One's own psychotherapy notes are in it when their author asks."""
LEFT_OUT_FOR_CLIENTS: Final = ("unsigned_sessions", "risk_flags", "entered_in_error", "history")
REDISCLOSURE: Final = "substance_use_redisclosure"
"""Code of the notice that goes with substance-use records."""
NOTICES: Final[Mapping[str, str]] = MappingProxyType({REDISCLOSURE: substance_use.REDISCLOSURE})
_CLASSES: Final = (RecordClass.JOURNAL, RecordClass.IDENTITY, RecordClass.MEASURES, RecordClass.SUD)
_SECTIONS: Final[Mapping[type[Any], tuple[str, Callable[[Any], Json]]]] = MappingProxyType(
    {
        Session: ("sessions", session_as_json),
        Transcript: ("transcripts", transcript_as_json),
        Appointment: ("appointments", appointment_as_json),
        Goal: ("goals", goal_as_json),
        Measure: ("measures", measure_as_json),
        RiskFlag: ("risk_flags", risk_flag_as_json),
        TreatmentPlan: ("treatment_plans", treatment_plan_as_json),
        SafetyPlan: ("safety_plans", safety_plan_as_json),
        Diagnosis: ("diagnoses", diagnosis_as_json),
        Medication: ("medications", medication_as_json),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account that the record names. `login` is empty for those who may not know it; `is_client` is true of the account
    of the client whose record it is.
    """

    id: UUID
    role: str
    name: str
    login: str = ""
    is_client: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What leaves, before it is written in one form or another. `history` is empty where it isn't the reader's."""

    client: Client
    identity: Identity | None
    records: Sequence[Any]
    """Sessions, transcripts, goals …: aggregates in the order in which each began."""
    history: Sequence[HistoryEvent]
    people: Sequence[Person]
    made_at: datetime
    position: int
    """Of the newest event in it."""
    notes: Sequence[Note]
    """Psychotherapy notes that their author put in; nobody else's."""
    left_out: Sequence[str]
    notices: Sequence[str]
    """Codes of `NOTICES`."""

    def of(self, kind: type[Any]) -> list[Any]:
        """The records of one kind."""
        return [record for record in self.records if isinstance(record, kind)]


class FhirWriter(Protocol):
    """Another form of the same: the record as it stands, without its history."""

    def bundle(self, export: Export) -> bytes:
        """A bundle of FHIR R4B resources, as JSON in UTF-8."""


class ExportService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        accounts: AggregateStore[Account],
        records: WholeRecords,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._accounts = accounts
        self._records = records

    def make(self, call: Call, client_id: UUID, *, logins: bool = False, notes: Sequence[Note] = ()) -> Export:
        """All that the caller may take out of this record, put on record before it is answered. `logins` names staff by their
        sign-in names too, which an import elsewhere finds them by: for the host alone. `notes` are psychotherapy notes that
        their author asked for; `NoteService.for_export` says which those are.

        Raises ClientNotFound, Denied, Erased, SealBroken, StoreUnavailable, KeysUnavailable.
        """
        standing = self._access.require(call, Action.EXPORT_MAKE, RecordClass.JOURNAL, client_id, (client_id,))
        classes = [each for each in _CLASSES if self._may(call, client_id, standing, each)]
        whole = self._records.of_client(client_id, classes)
        client = next((each for each in whole.aggregates if isinstance(each, Client)), None)
        if client is None:
            raise ClientNotFound(client_id=client_id)
        own = call.actor.role is Role.CLIENT
        # Who keeps notes, and who broke the glass, is about those who treat and not part of what goes along.
        told = {each.id for each in whole.aggregates if is_exported(each)}
        events = tuple(event for event in whole.events if event.stream in told)
        records = [each for each in whole.aggregates if type(each) in _SECTIONS]
        if own:
            records = _released(records)
        # Of what is in the document: a client isn't told by a notice of a session that isn't signed yet.
        protected = any(record_class_of(each) is RecordClass.SUD for each in records) or (
            not own and any(event.record_class == RecordClass.SUD for event in events)
        )
        made = Export(
            client=client,
            identity=next((each for each in whole.aggregates if isinstance(each, Identity)), None),
            records=records,
            history=() if own else events,
            people=self._people(
                [record_as_json(client, records), *([] if own else [event.data for event in events])],
                client_id,
                logins=logins and call.actor.role is Role.SERVICE,
            ),
            made_at=call.at,
            position=max((event.position for event in events), default=0),
            notes=notes,
            left_out=(*LEFT_OUT, *(LEFT_OUT_FOR_CLIENTS if own else ())),
            notices=(REDISCLOSURE,) if protected else (),
        )
        self._ledger.note(call, AuditEntry(action=Action.EXPORT_MAKE, client_id=client_id, resources=(client_id,)))
        return made

    def _may(self, call: Call, client_id: UUID, standing: Standing, record_class: RecordClass) -> bool:
        consented = self._state.consented(client_id, call.purpose)
        return decide(
            call.actor.role, Action.EXPORT_MAKE, record_class, standing.relation, consented, call.purpose
        ).allowed

    def _people(self, told: Iterable[Any], client_id: UUID, *, logins: bool) -> tuple[Person, ...]:
        """Everybody whom the record names by an account, in the order of their ids."""
        found: list[Person] = []
        for account_id in sorted(_accounts_in(told)):
            with suppress(AccountNotFound):  # whoever commands on the host acted as has none
                account = self._accounts.get(account_id)
                login = account.login if logins else ""
                found.append(
                    Person(
                        id=account_id,
                        role=account.role.value,
                        name=account.display_name,
                        login=login,
                        is_client=account.client_id == client_id,
                    )
                )
        return tuple(found)


def export_as_json(export: Export) -> Json:
    """The project's own form."""
    told: Json = {
        "format": FORMAT,
        "version": VERSION,
        "made_at": instant_as_json(export.made_at),
        "client_id": str(export.client.id),
        "position": export.position,
        "people": [_person_as_json(person) for person in export.people],
        "left_out": list(export.left_out),
        "notices": [{"code": code, "text": NOTICES[code]} for code in export.notices],
        "record": {
            "identity": None if export.identity is None else identity_as_json(export.identity),
            **record_as_json(export.client, export.records),
        },
    }
    if export.notes:
        told["record"]["psychotherapy_notes"] = [note_as_json(note) for note in export.notes]
    if "history" not in export.left_out:
        told["history"] = [_event_as_json(event) for event in export.history]
    return told


def is_exported(aggregate: object) -> bool:
    """Whether its events belong to the history that goes along."""
    return isinstance(aggregate, Client | Identity) or type(aggregate) in _SECTIONS


def record_as_json(client: Client, records: Sequence[Any]) -> Json:
    """Everything as it stands, by kind, each as its own route answers it; what is of no such kind is left out."""
    told: Json = {"client": client_as_json(client), **{section: [] for section, _ in _SECTIONS.values()}}
    for record in records:
        if type(record) in _SECTIONS:
            section, as_json = _SECTIONS[type(record)]
            told[section].append(as_json(record))
    return told


def _person_as_json(person: Person) -> Json:
    told = {"id": str(person.id), "role": person.role, "name": person.name}
    return told | {"login": person.login} if person.login else told


def _event_as_json(event: HistoryEvent) -> Json:
    return {
        "position": event.position,
        "stream": str(event.stream),
        "version": event.version,
        "class": event.record_class,
        "recorded_at": instant_as_json(event.recorded_at),
        "data": dict(event.data),
    }


def _released(records: Sequence[Any]) -> list[Any]:
    """What accounts of clients see: signed sessions and their transcripts, no risk flags, nothing entered in error."""
    signed = {each.id for each in records if isinstance(each, Session) and each.status is SessionStatus.SIGNED}
    return [
        each
        for each in records
        if not isinstance(each, RiskFlag)
        and not each.in_error
        and (not isinstance(each, Session) or each.id in signed)
        and (not isinstance(each, Transcript) or each.session_id in signed)
    ]


ACCOUNT_FIELDS: Final = frozenset(("author_id", "supervisor_id", "clinician_id", "account_id", "escalated_to"))


def is_account_field(name: str) -> bool:
    """Whether a field of this name holds the id of an account, if it holds an id."""
    return name in ACCOUNT_FIELDS or name.endswith("_by")


def _accounts_in(told: Any) -> set[UUID]:
    """Ids of accounts, by the names of the fields that hold them."""
    found: set[UUID] = set()
    if isinstance(told, Mapping):
        for name, value in told.items():
            if isinstance(value, str) and is_account_field(name):
                with suppress(ValueError):  # `completed_by: client` says who in words
                    found.add(UUID(value))
            else:
                found |= _accounts_in(value)
    elif isinstance(told, Sequence) and not isinstance(told, str):
        for each in told:
            found |= _accounts_in(each)
    return found
