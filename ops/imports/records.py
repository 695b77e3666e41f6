"""A client of the project's own format as aggregates, built by their own commands at the times that the file tells."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from domain.model.client import Client
from domain.model.identity import Identity
from domain.ports.access import Relation
from domain.ports.codes import DiagnosisCodes
from domain.services.imports import ImportedRecord, Names
from ops.imports.document import ClientDoc, ConsentDoc, EntryDoc, InErrorDoc, MemberDoc
from ops.imports.entries import CareEntries, JournalEntries
from ops.imports.faults import Spoilt
from ops.imports.outcomes import OutcomeEntries
from ops.imports.reading import OneClient
from ops.imports.references import References

_PLURAL: Final = {
    "session": "sessions",
    "goal": "goals",
    "measure": "measures",
    "diagnosis": "diagnoses",
    "risk_flag": "risk_flags",
}
_Read = Callable[[Any, str], Iterable[Any]]
"""From one entry, and its pointer within the client, to aggregates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restoring:
    """What all clients of a file share."""

    names: Names
    accounts: Mapping[str, UUID]
    default: UUID | None
    at: datetime
    codes: DiagnosisCodes

    def record(self, one: OneClient) -> ImportedRecord | Spoilt:
        """All of the client, or what is wrong with them."""
        digest = self.names.digest(one.text)
        key = one.doc.id if one.doc.id is not None else f"content {digest.hex()}"
        refs = References(names=self.names, client=key, accounts=self.accounts, default=self.default, at=self.at)
        client_id = self.names.id("client", key)
        restored = _Restored(one=one, client_id=client_id, refs=refs, codes=self.codes)
        restored.build()
        if refs.faults:
            return Spoilt.by(one.pointer, refs.faults)
        return ImportedRecord(client_id=client_id, digest=digest, aggregates=tuple(restored.aggregates))


@dataclass(slots=True, kw_only=True)
class _Restored:
    one: OneClient
    client_id: UUID
    refs: References
    codes: DiagnosisCodes
    aggregates: list[Any] = field(default_factory=list)

    def build(self) -> None:
        """Sessions and goals name each other, so both are named before either is read."""
        doc = self.one.doc
        with self.refs.place(self.one.pointer):
            self._chart(doc)
        journal = JournalEntries(self.client_id, self.refs)
        outcomes = OutcomeEntries(self.client_id, self.refs)
        care = CareEntries(self.client_id, self.refs, self.codes)
        self._name("session", doc.sessions)
        self._name("goal", doc.goals)
        self._name("measure", doc.measures)
        self._name("diagnosis", doc.diagnoses)
        self._name("risk_flag", doc.risk_flags)
        outcomes.flagged = {
            flag.measure_id: self.refs.own("risk_flag", flag.id, f"/risk_flags/{number}")
            for number, flag in enumerate(doc.risk_flags)
            if flag.measure_id is not None
        }
        outcomes.newest = outcomes.newest_of(doc.measures)
        self._each("sessions", doc.sessions, journal.session)
        self._each("appointments", doc.appointments, journal.appointment)
        self._each("goals", doc.goals, outcomes.goal)
        self._each("measures", doc.measures, outcomes.measure)
        self._each("risk_flags", doc.risk_flags, outcomes.risk_flag)
        self._each("diagnoses", doc.diagnoses, care.diagnosis)
        self._each("medications", doc.medications, care.medication)
        if doc.treatment_plan is not None:
            self._read(f"{self.one.pointer}/treatment_plan", doc.treatment_plan, care.treatment_plan)
        if doc.safety_plan is not None:
            self._read(f"{self.one.pointer}/safety_plan", doc.safety_plan, care.safety_plan)

    def _name(self, kind: str, entries: Iterable[EntryDoc]) -> None:
        for number, entry in enumerate(entries):
            with self.refs.place(f"{self.one.pointer}/{_PLURAL[kind]}/{number}"):
                if entry.id is not None:
                    self.refs.named(kind, entry.id, number)

    def _each(self, name: str, entries: Iterable[Any], read: _Read) -> None:
        for number, entry in enumerate(entries):
            self._read(f"{self.one.pointer}/{name}/{number}", entry, read)

    def _read(self, pointer: str, told: Any, read: _Read) -> None:
        with self.refs.place(pointer):
            self.aggregates.extend(read(told, pointer.removeprefix(self.one.pointer)))

    def _chart(self, doc: ClientDoc) -> None:
        at, by = self.refs.when(doc.registered_at, "registered_at"), self.refs.by(doc.registered_by)
        client = Client.register(self.client_id, at=at, by=by)
        identity = Identity.record(self.client_id, at=at, by=by, content=doc.identity.content())
        self.aggregates += [client, identity]
        self._team(client, by, doc.care_team, at)
        for number, consent in enumerate(doc.consents):
            with self.refs.place(f"{self.one.pointer}/consents/{number}"):
                self._consent(client, consent, number)
        if doc.entered_in_error is not None:
            self._in_error(client, doc.entered_in_error)

    def _team(self, client: Client, by: UUID, team: tuple[MemberDoc, ...], at: datetime) -> None:
        """As the file lists it; whoever registered stays out of it where it is listed without them."""
        listed = {self.refs.by(member.account): Relation(member.relation) for member in team}
        for account_id, relation in listed.items():
            if client.care_team.get(account_id) is not relation:
                client.join_care_team(at=at, by=by, account_id=account_id, relation=relation)
        if listed and by not in listed:
            client.leave_care_team(at=at, by=by, account_id=by)

    def _consent(self, client: Client, consent: ConsentDoc, number: int) -> None:
        given_at, by = (
            self.refs.when(consent.given_at, "given_at"),
            self.refs.by(consent.recorded_by, client.registered_by),
        )
        consent_id = self.refs.named("consent", consent.id, number)
        client.give_consent(
            at=given_at,
            by=by,
            consent_id=consent_id,
            purpose=consent.purpose,
            document=consent.document,
            given_at=given_at,
        )
        if consent.withdrawn_at is not None:
            at = self.refs.when(consent.withdrawn_at, "withdrawn_at")
            client.withdraw_consent(at=at, by=by, consent_id=consent_id)

    def _in_error(self, client: Client, told: InErrorDoc) -> None:
        client.mark_entered_in_error(
            at=self.refs.when(told.at, "entered_in_error.at"),
            by=self.refs.by(told.by, client.registered_by),
            reason=told.reason,
        )
