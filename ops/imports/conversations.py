"""A published conversation as a record: a client with a name that says what it is, one unsigned session, and the transcript."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from domain.errors import AnamnesisError
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent
from domain.model.session import Session, SessionContent
from domain.model.transcript import Speaker, Transcript, Utterance
from domain.model.values import Modality, MomentInZone, NameUse, PersonName
from domain.ports.access import AccountRecord
from domain.services.imports import ImportedRecord, Names
from ops.imports.annomi import Conversation
from ops.imports.faults import Spoilt

_INTERVENTIONS: Final = {
    "question": "questions",
    "reflection": "reflections",
    "therapist_input": "information and advice",
    "other": "other therapist behaviour",
}
_THEMES: Final = {"change": "change talk", "sustain": "sustain talk", "neutral": "neutral talk"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taking:
    """How conversations become records. `day` is when all of them are said to have taken place, in `zone`."""

    names: Names
    source: str
    author: AccountRecord
    day: date
    zone: str
    at: datetime

    def record(self, conversation: Conversation) -> ImportedRecord | Spoilt:
        """Client, identity, session, transcript. Spoilt where the record takes something not as the file has it."""
        client_id = self.names.id("client", conversation.key)
        session_id = self.names.id("session", conversation.key)
        by = self.author.id
        try:
            content = self._content(conversation)
            aggregates = (
                Client.register(client_id, at=self.at, by=by),
                Identity.record(client_id, at=self.at, by=by, content=self._identity(conversation)),
                Session.record(
                    session_id,
                    at=self.at,
                    client_id=client_id,
                    author_id=by,
                    content=content,
                    supervisor_id=self.author.supervisor_id,
                ),
                Transcript.attach(
                    session_id,
                    at=self.at,
                    client_id=client_id,
                    by=by,
                    took_place=content.took_place,
                    utterances=[*_utterances(conversation)],
                    source=self.source,
                ),
            )
        except AnamnesisError as error:
            return Spoilt.by_error(f"line {conversation.line}", error)
        digest = self.names.digest(conversation.digest_text())
        return ImportedRecord(client_id=client_id, digest=digest, aggregates=aggregates)

    def _identity(self, conversation: Conversation) -> IdentityContent:
        """Nobody's name: the file has none, and the chart must say so."""
        name = PersonName(family=f"{self.source} {conversation.key}", given="Imported transcript", use=NameUse.USUAL)
        return IdentityContent(names=(name,))

    def _content(self, conversation: Conversation) -> SessionContent:
        codes = _codes(conversation)
        topic = (conversation.topic,) if conversation.topic else ()
        return SessionContent(
            took_place=beginning_of(self.day, self.zone),
            duration_min=_minutes(conversation),
            modality=Modality.IN_PERSON,
            summary=self._summary(conversation, codes),
            themes=(*topic, *(name for code, name in _THEMES.items() if codes[code])),
            interventions=tuple(name for code, name in _INTERVENTIONS.items() if codes[code]),
        )

    def _summary(self, conversation: Conversation, codes: Counter[str]) -> str:
        speakers = Counter(said.speaker for said in conversation.said)
        about = f" about {conversation.topic}" if conversation.topic else ""
        sentences = [
            f"Imported from {self.source}, transcript {conversation.key}; counted by a program, not written by a clinician.",
            f"A conversation{about}; utterances: {speakers['clinician']} of the therapist, {speakers['client']} of the client.",
            _listed("Therapist", {name: codes[code] for code, name in _INTERVENTIONS.items()}),
            _listed("Client", {name: codes[code] for code, name in _THEMES.items()}),
            f"Its annotators rate the motivational interviewing as {conversation.quality}."
            if conversation.quality
            else "",
            "The source tells no date: the day is the one that was set for the import, from its beginning.",
        ]
        return " ".join(sentence for sentence in sentences if sentence)


def beginning_of(day: date, zone: str) -> MomentInZone:
    """The first whole hour of the day: midnight, but where the clocks skip it."""
    rules = ZoneInfo(zone)
    midnight = datetime.combine(day, time(), rules)
    while midnight.astimezone(ZoneInfo("UTC")).astimezone(rules).replace(tzinfo=None) != midnight.replace(tzinfo=None):
        midnight += timedelta(hours=1)
    return MomentInZone.of(midnight, zone)


def _utterances(conversation: Conversation) -> Iterator[Utterance]:
    for said in conversation.said:
        yield Utterance(
            number=said.number, speaker=Speaker(said.speaker), text=said.text, at_s=said.at_s, codes=said.codes
        )


def _codes(conversation: Conversation) -> Counter[str]:
    """Utterances by code, subtypes aside; one that annotators saw differently counts for each."""
    return Counter(
        code for said in conversation.said for code in dict.fromkeys(code.partition(":")[0] for code in said.codes)
    )


def _minutes(conversation: Conversation) -> int:
    """Up to the last time that is told, a begun minute counting whole; at least one."""
    last_s = max((said.at_s for said in conversation.said if said.at_s is not None), default=0)
    return min(1440, max(1, -(-last_s // 60)))


def _listed(who: str, counts: dict[str, int]) -> str:
    told = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{who}: {told}." if told else ""
