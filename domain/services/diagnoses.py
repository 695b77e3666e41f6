"""Diagnoses: coded from a published list, provisional until confirmed, resolved or ruled out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.errors import ViewBehind
from domain.model import checks
from domain.model.diagnosis import (
    Diagnosis,
    DiagnosisAlreadyListed,
    DiagnosisCodeNotSpecific,
    DiagnosisCodeUnknown,
    DiagnosisContent,
    DiagnosisKeptApart,
    DiagnosisNotFound,
    DiagnosisStatus,
    PrincipalDiagnosisListed,
)
from domain.model.substance_use import code_tells
from domain.ports.call import Call
from domain.ports.codes import CodeEntry, DiagnosisCodes
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import JourneyItem, JourneyView
from domain.services.access import Access, Action
from domain.services.care_records import CareLists, CareRecords
from domain.services.sight import seen

SEARCH_MOST: Final = 100
_NAMED_MOST: Final = 8
_CODE_MOST: Final = 20
_HOLDS: Final = (DiagnosisStatus.PROVISIONAL, DiagnosisStatus.CONFIRMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coding:
    """What a clinician says of a diagnosis; the words of the code come from the list."""

    code: str
    status: DiagnosisStatus = DiagnosisStatus.PROVISIONAL
    principal: bool = False
    onset: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCodes:
    edition: str
    codes: Sequence[CodeEntry]


class DiagnosisService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        diagnoses: AggregateStore[Diagnosis],
        codes: DiagnosisCodes,
        journey: JourneyView,
    ) -> None:
        self._records = CareRecords(ledger=ledger, access=access, store=diagnoses, not_found=DiagnosisNotFound)
        self._lists = CareLists(ledger=ledger, access=access, journey=journey)
        self._journey = journey
        self._access = access
        self._codes = codes

    def record(
        self, call: Call, diagnosis_id: UUID, client_id: UUID, coding: Coding, *, substance_use: bool | None = None
    ) -> Receipt:
        """Codes F10 to F19 are records of substance-use treatment unless `substance_use` says otherwise. Raises Denied, ClientNotFound, ClientEnteredInError, DiagnosisCodeUnknown, DiagnosisCodeNotSpecific,
        DiagnosisAlreadyListed, PrincipalDiagnosisListed, Invalid.
        """
        marked = code_tells(coding.code) if substance_use is None else substance_use
        self._records.to_add(call, Action.DIAGNOSIS_RECORD, client_id, diagnosis_id, substance_use=marked)
        content = self._content(coding)
        self._check_beside(call, client_id, diagnosis_id, content)
        diagnosis = Diagnosis.record(
            diagnosis_id, at=call.at, client_id=client_id, by=call.actor.id, content=content, substance_use=marked
        )
        return self._records.save(call, Action.DIAGNOSIS_RECORD, diagnosis)

    def read(self, call: Call, diagnosis_id: UUID) -> Diagnosis:
        """Raises DiagnosisNotFound, Denied, Erased."""
        diagnosis = self._records.load(call, Action.DIAGNOSIS_READ, diagnosis_id)
        return self._records.tell(call, Action.DIAGNOSIS_READ, diagnosis)

    def of_client(self, call: Call, client_id: UUID, at_least: int = 0) -> Sequence[JourneyItem]:
        """All of them, in the order in which they were recorded. Raises ClientNotFound, Denied, ViewBehind, Erased."""
        return self._lists.of(call, Action.DIAGNOSIS_READ, client_id, "diagnosis", at_least)

    def change(self, call: Call, diagnosis_id: UUID, coding: Coding) -> Receipt:
        """Confirm it, say that it is resolved or ruled out, or code it better. A code that stays keeps its words: the list
        may have dropped it since.

        Raises DiagnosisNotFound, Denied, StaleVersion, ClientEnteredInError, DiagnosisEnteredInError, DiagnosisUnchanged,
        DiagnosisKeptApart, DiagnosisCodeUnknown, DiagnosisCodeNotSpecific, DiagnosisAlreadyListed, PrincipalDiagnosisListed, Invalid.
        """
        diagnosis = self._records.for_change(call, Action.DIAGNOSIS_CHANGE, diagnosis_id)
        diagnosis.require_standing()
        kept_apart = diagnosis.substance_use or code_tells(diagnosis.content.code)
        if code_tells(coding.code) and not kept_apart:
            raise DiagnosisKeptApart(diagnosis_id=diagnosis_id)
        content = self._content(coding, diagnosis.content)
        self._check_beside(call, diagnosis.client_id, diagnosis_id, content, diagnosis.content)
        diagnosis.change(at=call.at, by=call.actor.id, content=content)
        return self._records.save(call, Action.DIAGNOSIS_CHANGE, diagnosis)

    def mark_entered_in_error(self, call: Call, diagnosis_id: UUID, reason: str) -> Receipt:
        """A wrong chart. Raises DiagnosisNotFound, Denied, StaleVersion, DiagnosisEnteredInError, Invalid."""
        diagnosis = self._records.for_mark(call, Action.DIAGNOSIS_CHANGE, diagnosis_id)
        diagnosis.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, Action.DIAGNOSIS_CHANGE, diagnosis)

    def search(self, query: str, limit: int = 20) -> FoundCodes:
        """Codes of the list, which concern nobody: whoever is signed in may look. Raises Invalid."""
        checks.text("q", query, SEARCH_MOST, least=1, one_line=True)
        checks.integer("limit", limit, 1, SEARCH_MOST)
        return FoundCodes(edition=self._codes.edition, codes=self._codes.search(query, limit))

    def _content(self, coding: Coding, before: DiagnosisContent | None = None) -> DiagnosisContent:
        checks.text("code", coding.code, _CODE_MOST, least=1, one_line=True)
        if before is not None and coding.code == before.code:
            code, description, edition = before.code, before.description, before.edition
        else:
            entry = self._entry(coding.code)
            code, description, edition = entry.code, entry.description, self._codes.edition
        return DiagnosisContent(
            code=code,
            description=description,
            edition=edition,
            status=coding.status,
            principal=coding.principal,
            onset=coding.onset,
            note=coding.note,
        )

    def _check_beside(
        self,
        call: Call,
        client_id: UUID,
        diagnosis_id: UUID,
        content: DiagnosisContent,
        before: DiagnosisContent | None = None,
    ) -> None:
        """One diagnosis of a code holds at a time, and one principal. What was so `before` is let be: charts brought along
        may hold two. The others are found where the journey has them, a moment late, and judged as they stand now: a new one
        may slip through, for this keeps people from mistakes and is no lock, but what was changed a moment ago is in
        nobody's way. What the caller may not see is not compared: the refusal would tell of it.
        """
        listed = _listed_code(content) if before is None or _listed_code(before) != content.code else None
        leads = _leads(content) and not (before is not None and _leads(before))
        if listed is None and not leads:
            return
        try:
            visible = seen(self._journey, self._access, call)
            others = visible.history((client_id,), kinds=("diagnosis",)).get(client_id, ())
        except ViewBehind:
            return  # the record must go on while the journey is built anew
        for other in others:
            if other.id == diagnosis_id or other.state not in _HOLDS:
                continue
            shown = other.content["content"]
            if shown["code"] != listed and not (leads and shown["principal"]):
                continue
            now = self._records.store.get(other.id)
            if now.in_error:
                continue
            if listed is not None and _listed_code(now.content) == listed:
                raise DiagnosisAlreadyListed(diagnosis_id=other.id)
            if leads and _leads(now.content):
                raise PrincipalDiagnosisListed(diagnosis_id=other.id)

    def _entry(self, code: str) -> CodeEntry:
        """A diagnosis of the list. Raises DiagnosisCodeUnknown, DiagnosisCodeNotSpecific, naming others, never what was
        typed.
        """
        entry = self._codes.find(code)
        if entry is None:
            near = _named(self._codes.near(code, _NAMED_MOST))
            raise DiagnosisCodeUnknown(field="code", edition=self._codes.edition, **({"near": near} if near else {}))
        if not entry.billable:
            raise DiagnosisCodeNotSpecific(field="code", choose=_named(self._codes.below(code, _NAMED_MOST)))
        return entry


def _named(entries: Sequence[CodeEntry]) -> str:
    return " ".join(entry.code for entry in entries)


def _listed_code(content: DiagnosisContent) -> str | None:
    """Its code while it holds."""
    return content.code if content.status in _HOLDS else None


def _leads(content: DiagnosisContent) -> bool:
    """Whether it is a principal diagnosis that holds."""
    return content.principal and content.status in _HOLDS
