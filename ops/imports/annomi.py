"""AnnoMI's transcripts: conversations from published videos, utterance by utterance, annotated by practitioners of
motivational interviewing (Wu et al., "Anno-MI", ICASSP 2022). The simple file has one row an utterance, the full one a row
for each annotator of an utterance.

The file is read twice: once to count the rows of each transcript, then to hand out each transcript with its last row, so
that no more is held than what is still open, and rows may come in any order.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ops.imports.faults import Fault, FileEmpty, Spoilt
from ops.imports.rows import Row, fault, read_rows

NEEDED: Final = ("transcript_id", "utterance_id", "interlocutor", "timestamp", "utterance_text")
_SPEAKERS: Final = {"therapist": "clinician", "client": "client"}
_NONE: Final = ("", "n/a")
# The published file holds one time with three digits of seconds.
_TIME: Final = re.compile(r"(\d{1,2}):([0-5]?\d):(\d{1,3})", re.ASCII)
_NUMBER: Final = re.compile(r"\d{1,9}", re.ASCII)
_SUBTYPES: Final = {
    "therapist_input": "therapist_input_subtype",
    "reflection": "reflection_subtype",
    "question": "question_subtype",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One utterance. `at_s` counts from the beginning of the video; `codes` are the annotators', each once."""

    number: int
    speaker: str
    text: str
    at_s: int | None
    codes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One transcript as the file tells it, its utterances in the order of their numbers."""

    key: str
    line: int
    topic: str
    quality: str
    said: tuple[Said, ...]

    def digest_text(self) -> str:
        """Everything that is imported of it, to tell two readings apart."""
        return repr((self.topic, self.quality, self.said))


def counted(path: Path) -> Mapping[str, int]:
    """How many rows each transcript has, in the order they begin. Raises FileUnreadable, FileEmpty, NotTheFormat."""
    rows = Counter(_key(row) for row in read_rows(path, NEEDED))
    if not rows:
        raise FileEmpty("There is no row below the header.")
    return rows


def conversations(path: Path, counts: Mapping[str, int]) -> Iterator[Conversation | Spoilt]:
    """Each transcript as soon as its last row is read. Rows that name no transcript come together as one `Spoilt`."""
    waiting: dict[str, list[Row]] = {}
    for row in read_rows(path, NEEDED):
        key = _key(row)
        rows = waiting.setdefault(key, [])
        rows.append(row)
        if len(rows) == counts.get(key):
            yield _conversation(key, waiting.pop(key))


def _key(row: Row) -> str:
    """What its rows are gathered by; "" where a row doesn't say."""
    return row.cells.get("transcript_id", "").strip()


def _conversation(key: str, rows: Sequence[Row]) -> Conversation | Spoilt:
    reading = _Reading()
    for row in rows:
        reading.take(row)
    if not key:
        reading.add(rows[0].line, "transcript_id", "transcript_unnamed", "A row must name its transcript.")
    if reading.faults:
        return Spoilt.by(f"line {rows[0].line}", reading.faults)
    first = rows[0].cells
    return Conversation(
        key=key,
        line=rows[0].line,
        topic=" ".join(first.get("topic", "").split()),
        quality=_code(first.get("mi_quality", "")),
        said=tuple(said for _, said in sorted(reading.said.items())),
    )


@dataclass(slots=True)
class _Reading:
    """The rows of one transcript, so far."""

    said: dict[int, Said] = field(default_factory=dict)
    annotators: set[tuple[int, str]] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def add(self, line: int, column: str, code: str, text: str) -> None:
        self.faults.append(fault(line, column, code, text))

    def take(self, row: Row) -> None:
        if row.fault is not None:
            self.faults.append(row.fault)
            return
        before = len(self.faults)
        said = self._said(row)
        if len(self.faults) > before:
            return
        known = self.said.get(said.number)
        annotator = row.cells.get("annotator_id", "")
        if known is not None:
            self._check_again(row, known, said, annotator)
        self.annotators.add((said.number, annotator))
        codes = tuple(dict.fromkeys((*known.codes, *said.codes))) if known else said.codes
        self.said[said.number] = Said(
            number=said.number, speaker=said.speaker, text=said.text, at_s=said.at_s, codes=codes
        )

    def _said(self, row: Row) -> Said:
        cells = row.cells
        number = cells["utterance_id"].strip()
        if not _NUMBER.fullmatch(number):
            self.add(row.line, "utterance_id", "utterance_unnumbered", "An utterance needs a whole number.")
            number = "0"
        speaker = _SPEAKERS.get(cells["interlocutor"].strip().lower())
        if speaker is None:
            self.add(row.line, "interlocutor", "interlocutor_unknown", "Must be therapist or client.")
        if not cells["utterance_text"].strip():
            self.add(row.line, "utterance_text", "text_missing", "An utterance needs its text.")
        at_s = _seconds(cells["timestamp"])
        if at_s is None and cells["timestamp"].strip() not in _NONE:
            self.add(row.line, "timestamp", "time_unreadable", "Must look like 00:01:40, or be empty.")
        return Said(
            number=int(number), speaker=speaker or "", text=cells["utterance_text"], at_s=at_s, codes=_codes(cells)
        )

    def _check_again(self, row: Row, known: Said, said: Said, annotator: str) -> None:
        """A second row for an utterance is another annotator's view of the same words, or a mistake."""
        if (said.number, annotator) in self.annotators:
            self.add(row.line, "utterance_id", "utterance_repeated", "This utterance stands in the file before.")
        elif (known.speaker, known.text, known.at_s) != (said.speaker, said.text, said.at_s):
            self.add(row.line, "utterance_text", "annotators_disagree", "Reads differently from the row before it.")


def _codes(cells: Mapping[str, str]) -> tuple[str, ...]:
    """`question`, `question:open`; `change`. The therapist's behaviours and the client's talk share no word but none."""
    codes = []
    for column in ("main_therapist_behaviour", "client_talk_type"):
        if code := _code(cells.get(column, "")):
            subtype = _code(cells.get(_SUBTYPES.get(code, ""), ""))
            codes.append(f"{code}:{subtype}" if subtype else code)
    return tuple(codes)


def _code(cell: str) -> str:
    told = cell.strip().lower()
    return "" if told in _NONE else told


def _seconds(cell: str) -> int | None:
    found = _TIME.fullmatch(cell.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds
