"""Diagnoses, medications, codes and transcripts as they are sent and answered."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, Line, MarkedOut, MomentOut, Out, Rfc3339, example
from api.models.plans import Note
from domain.model.diagnosis import DiagnosisStatus
from domain.model.medication import MedicationContent, MedicationStatus
from domain.model.transcript import Speaker, TranscriptStatus, Utterance
from domain.services.diagnoses import Coding

_ONE_LINE: Final = {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"}
PartialDate = Annotated[
    str,
    StringConstraints(max_length=10, pattern=r"^(\d{4}(-\d\d(-\d\d)?)?)?$"),
    Field(description="A day, a month, a year, or empty when not known: 2025-05-17, 2025-05, 2025."),
]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300), Field(json_schema_extra={**_ONE_LINE})]
UtteranceText = Annotated[
    str, StringConstraints(max_length=5_000_000), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
]
Code = Annotated[str, StringConstraints(min_length=1, max_length=100), Field(json_schema_extra={**_ONE_LINE})]

_BY: Final = "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22"
_AT: Final = "2026-03-02T10:05:11.120000Z"
_ENTRY: Final[dict[str, Any]] = {
    "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d77",
    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
    "version": 1,
    "recorded_by": _BY,
    "recorded_at": _AT,
    "changed_by": _BY,
    "changed_at": _AT,
    "error_reason": "",
}
_DIAGNOSIS_IN: Final[dict[str, Any]] = {
    "code": "F40.01",
    "status": "confirmed",
    "principal": True,
    "onset": "2025-11",
    "note": "",
}
_DIAGNOSIS: Final[dict[str, Any]] = _ENTRY | {
    "status": "confirmed",
    "content": _DIAGNOSIS_IN | {"description": "Agoraphobia with panic disorder", "edition": "icd-10-cm/2026-04"},
}
_MEDICATION_IN: Final[dict[str, Any]] = {
    "name": "Sertraline",
    "dose": "50 mg",
    "frequency": "each morning",
    "prescriber": "Dr Costa",
    "started_on": "2026-01",
    "reason": "Panic attacks",
}
_MEDICATION: Final[dict[str, Any]] = _ENTRY | {
    "status": "active",
    "stopped_on": "",
    "stop_reason": "",
    "content": _MEDICATION_IN,
}
_UTTERANCES: Final[list[dict[str, Any]]] = [
    {"number": 0, "speaker": "clinician", "text": "How was the week?", "at_s": 0.0, "codes": ["question/open"]},
    {"number": 1, "speaker": "client", "text": "I took the train twice.", "at_s": 3.5, "codes": ["change"]},
]


class DiagnosisIn(In):
    """`code` is one of /v1/codes/icd-10-cm, dot or no dot; the words that belong to it are kept with it. `status` tells
    whether it is certain and still holds.
    """

    code: Annotated[str, StringConstraints(min_length=1, max_length=20), Field(json_schema_extra={**_ONE_LINE})]
    status: Literal[
        DiagnosisStatus.PROVISIONAL, DiagnosisStatus.CONFIRMED, DiagnosisStatus.RESOLVED, DiagnosisStatus.RULED_OUT
    ] = DiagnosisStatus.PROVISIONAL
    principal: bool = False
    onset: PartialDate = ""
    note: Note = ""

    model_config = example(_DIAGNOSIS_IN)

    def coding(self) -> Coding:
        return Coding(code=self.code, status=self.status, principal=self.principal, onset=self.onset, note=self.note)


class NewDiagnosisIn(DiagnosisIn):
    """`substance_use`: whether it is a record of substance-use treatment (42 CFR Part 2), for good. Left out, the code says:
    F10 to F19 are.
    """

    substance_use: bool | None = None


class DiagnosisContentOut(Out):
    code: str
    description: str
    edition: str
    status: DiagnosisStatus
    principal: bool
    onset: str
    note: str


class DiagnosisOut(MarkedOut):
    """`status` is that of the content, or `entered_in_error`."""

    id: UUID
    client_id: UUID
    version: int
    status: DiagnosisStatus
    recorded_by: UUID
    recorded_at: Rfc3339
    changed_by: UUID
    changed_at: Rfc3339
    error_reason: str
    content: DiagnosisContentOut

    model_config = example(_DIAGNOSIS)


class DiagnosesOut(Out):
    """In the order in which they were recorded."""

    items: tuple[DiagnosisOut, ...]

    model_config = example({"items": [_DIAGNOSIS]})


class MedicationIn(In):
    """As the client or the prescriber tells it; `reason` is what it is taken for."""

    name: Name
    dose: Line = ""
    frequency: Line = ""
    prescriber: Line = ""
    started_on: PartialDate = ""
    reason: Note = ""

    model_config = example(_MEDICATION_IN)

    def content(self) -> MedicationContent:
        return MedicationContent(
            name=self.name,
            dose=self.dose,
            frequency=self.frequency,
            prescriber=self.prescriber,
            started_on=self.started_on,
            reason=self.reason,
        )


class StoppedIn(In):
    """It is no longer taken."""

    stopped_on: PartialDate = ""
    reason: Note = ""

    model_config = example({"stopped_on": "2026-02", "reason": "Nausea"})


class NewMedicationIn(MedicationIn):
    """`substance_use` says, for good, that it is a record of substance-use treatment (42 CFR Part 2)."""

    substance_use: bool = False


class MedicationContentOut(Out):
    name: str
    dose: str
    frequency: str
    prescriber: str
    started_on: str
    reason: str


class MedicationOut(MarkedOut):
    id: UUID
    client_id: UUID
    version: int
    status: MedicationStatus
    recorded_by: UUID
    recorded_at: Rfc3339
    changed_by: UUID
    changed_at: Rfc3339
    stopped_on: str
    stop_reason: str
    error_reason: str
    content: MedicationContentOut

    model_config = example(_MEDICATION)


class MedicationsOut(Out):
    """In the order in which they were recorded."""

    items: tuple[MedicationOut, ...]

    model_config = example({"items": [_MEDICATION]})


class CodeOut(Out):
    """`billable` is false for headings, which are no diagnosis by themselves."""

    code: str
    description: str
    billable: bool


class CodesOut(Out):
    edition: str
    items: tuple[CodeOut, ...]

    model_config = example(
        {
            "edition": "icd-10-cm/2026-04",
            "items": [{"code": "F40.01", "description": "Agoraphobia with panic disorder", "billable": True}],
        }
    )


class UtteranceModel(In):
    """`number` orders and names it; `at_s` seconds since the beginning; `codes` short labels of a coding scheme."""

    number: Annotated[int, Field(ge=0, le=1_000_000)]
    speaker: Speaker
    text: UtteranceText
    at_s: Annotated[float, Field(ge=0, le=86_400)] | None = None
    codes: Annotated[tuple[Code, ...], Field(max_length=20)] = ()


class TranscriptIn(In):
    """Word for word: numbered upwards, 20,000 utterances and 5 MB of text at most. `source` says where it is from."""

    utterances: Annotated[tuple[UtteranceModel, ...], Field(min_length=1, max_length=20_000)]
    source: Annotated[str, StringConstraints(max_length=200), Field(json_schema_extra={**_ONE_LINE})] = ""

    model_config = example({"utterances": _UTTERANCES, "source": "recording"})

    def said(self) -> tuple[Utterance, ...]:
        return tuple(
            Utterance(number=each.number, speaker=each.speaker, text=each.text, at_s=each.at_s, codes=each.codes)
            for each in self.utterances
        )


class TranscriptOut(MarkedOut):
    """`took_place` is the session's when it was attached."""

    id: UUID
    client_id: UUID
    session_id: UUID
    version: int
    status: TranscriptStatus
    took_place: MomentOut
    attached_by: UUID
    recorded_at: Rfc3339
    changed_at: Rfc3339
    error_reason: str
    source: str
    utterances: tuple[UtteranceModel, ...]

    model_config = example(
        {
            "id": "0b6f3c8e-3b0b-5a7e-8f0c-2f1f0c8d5a12",
            "client_id": _ENTRY["client_id"],
            "session_id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10",
            "version": 1,
            "status": "attached",
            "took_place": {
                "instant": "2026-03-02T09:00:00Z",
                "local": "2026-03-02T10:00:00+01:00",
                "zone": "Europe/Berlin",
            },
            "attached_by": _BY,
            "recorded_at": _AT,
            "changed_at": _AT,
            "error_reason": "",
            "source": "recording",
            "utterances": _UTTERANCES,
        }
    )
