"""An export of this product read back: each event as it was, so that the record is the same, its history included.

Ids stay what they were, since entries name each other by them; accounts become those that sign in with the same name here.
The commands' checks ran when the events were made and are not run again: whoever imports a file answers for it.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Final, Literal
from uuid import UUID

import orjson
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from pydantic import Field, ValidationError

from adapters.event_store.codec import Codec
from adapters.event_store.feed import TOLD
from adapters.event_store.registry import REGISTRY
from api.faults import faults_of
from api.models.common import In
from domain.errors import AnamnesisError, Misconfigured
from domain.model.client import Client
from domain.services.exports import VERSION, is_account_field, is_exported, record_as_json
from domain.services.imports import ImportedRecord, Names
from ops.imports.faults import Fault, NotTheFormat, Spoilt


class PersonDoc(In):
    id: UUID
    role: str
    name: str
    login: str = ""


class EventDoc(In):
    position: int
    stream: UUID
    version: Annotated[int, Field(ge=1)]
    record_class: Annotated[str, Field(alias="class")]
    recorded_at: str
    data: dict[str, Any]


class ExportDoc(In):
    """Only what a record is made of again; `record` is for readers."""

    format: Literal["anamnesis/export"]
    version: Literal[1]
    made_at: str
    client_id: UUID
    position: int
    people: tuple[PersonDoc, ...]
    left_out: tuple[str, ...]
    notices: tuple[dict[str, str], ...] = ()
    record: dict[str, Any]
    history: tuple[EventDoc, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicle:
    """An export that has the right shape. `text` is its history in one spelling, to tell two readings apart."""

    doc: ExportDoc
    text: str


def chronicle(told: Mapping[str, Any]) -> Chronicle:
    """Raises NotTheFormat."""
    if told.get("version") != VERSION:
        raise NotTheFormat(f"This release reads version {VERSION} of exports alone.")
    try:
        doc = ExportDoc.model_validate_json(json.dumps(told))
    except ValidationError as error:
        first, *_ = faults_of(error.errors(include_url=False, include_input=False), "body")
        raise NotTheFormat(f"{first.pointer} {first.message}.") from None
    if not doc.history:
        raise NotTheFormat(
            "This export holds no history: accounts of clients get none. Have one made on the host, or by who leads the "
            "treatment."
        )
    text = json.dumps(told["history"], sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Chronicle(doc=doc, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replaying:
    """`accounts` gives the account here for one of the export's, None where there is none; then `default` is meant."""

    names: Names
    accounts: Callable[[PersonDoc], UUID | None]
    default: UUID | None

    def record(self, told: Chronicle) -> ImportedRecord | Spoilt:
        """All of the client, or what is wrong with them."""
        doc, faults = told.doc, list[Fault]()
        known = {person.id: self.accounts(person) or self.default for person in doc.people}
        faults += [
            Fault(
                where=f"/people/{number}",
                code="not_an_author",
                text="Nobody here signs in like that; name --clinician.",
            )
            for number, person in enumerate(doc.people)
            if known[person.id] is None and person.role != "client"
        ]
        here = {each: account for each, account in known.items() if account is not None}
        streams: dict[UUID, Any] = {}
        pending: dict[UUID, list[Any]] = {}
        for number, event in enumerate(doc.history):
            try:
                one = _event(event, here)
                streams[event.stream] = one.mutate(streams.get(event.stream))
                pending.setdefault(event.stream, []).append(one)
            except _NOT_OURS as error:
                faults.append(_fault(f"/history/{number}", error))
                break
        if not faults:
            faults += _whole(doc, streams)
        if faults:
            return Spoilt.by("/", faults)
        for stream, aggregate in streams.items():
            # As if each had just been commanded: a ledger stores what is pending.
            vars(aggregate)["_pending_events"] = pending[stream]
        chart_first = sorted(streams.values(), key=lambda each: not isinstance(each, Client))
        return ImportedRecord(
            client_id=doc.client_id, digest=self.names.digest(told.text), aggregates=tuple(chart_first)
        )


_NOT_OURS: Final = (
    AnamnesisError,
    OriginatorIDError,
    OriginatorVersionError,
    AssertionError,
    AttributeError,
    KeyError,
    TypeError,
    ValueError,
)


@cache
def _topics() -> Mapping[str, str]:
    """Under which topic each kind of event of a client is stored."""
    return {each.kind: REGISTRY.topic_of(each.coarse) for each in REGISTRY if each.coarse in TOLD}


@cache
def _codec() -> Codec:
    return Codec()


def _event(told: EventDoc, accounts: Mapping[UUID, UUID]) -> Any:
    topic = _topics().get(str(told.data.get("kind")))
    if topic is None:
        raise ValueError("no kind of event of a client's record")
    data = _with_accounts(told.data, accounts)
    return _codec().decode(topic, orjson.dumps(data), told.stream, told.version)


def _with_accounts(told: Any, accounts: Mapping[UUID, UUID], name: str = "") -> Any:
    if isinstance(told, Mapping):
        return {each: _with_accounts(value, accounts, each) for each, value in told.items()}
    if isinstance(told, list):
        return [_with_accounts(each, accounts, name) for each in told]
    if isinstance(told, str) and is_account_field(name):
        try:
            return str(accounts.get(UUID(told), told))
        except ValueError:
            return told
    return told


def _whole(doc: ExportDoc, streams: Mapping[UUID, Any]) -> Sequence[Fault]:
    """That it is one client's, and reads like a record."""
    client = streams.get(doc.client_id)
    if not isinstance(client, Client):
        return [
            Fault(where="/client_id", code="client_missing", text="The history does not begin this client's chart.")
        ]
    if not all(map(is_exported, streams.values())):
        return [Fault(where="/history", code="another_kind", text="The history tells of more than a record.")]
    if any(each.subject != doc.client_id for each in streams.values()):
        return [Fault(where="/history", code="another_client", text="The history tells of another client too.")]
    try:
        record_as_json(client, [each for each in streams.values() if each is not client])
    except _NOT_OURS as error:
        return [_fault("/history", error)]
    return []


def _fault(where: str, error: Exception) -> Fault:
    code = (
        error.code if isinstance(error, AnamnesisError) and not isinstance(error, Misconfigured) else "event_unreadable"
    )
    return Fault(where=where, code=code, text="This is no event that this release can make a record of.")
