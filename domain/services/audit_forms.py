"""Audit entries as files: CSV for spreadsheets, JSON lines for programs. Streams: a million entries take no more memory
than a page of them.

Each entry carries its position in the log and its leaf, so that whoever holds a checkpoint can check that it was neither
altered nor left out.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.ports.audit import AuditRecord, AuditRendering, ExportProofs
from domain.services.rendering import Json, instant_as_json

COLUMNS: Final = (
    "position",
    "leaf",
    "recorded_at",
    "request_id",
    "actor_id",
    "actor_role",
    "on_behalf_of",
    "action",
    "outcome",
    "reason",
    "purpose",
    "origin",
    "client_id",
    "clients",
    "resources",
)
_FORMULA: Final = frozenset("=+-@\t\r\n")


class AuditForm(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"
    FHIR = "fhir"


MEDIA_TYPES: Final = {
    AuditForm.CSV: "text/csv",
    AuditForm.JSONL: "application/x-ndjson",
    AuditForm.FHIR: "application/fhir+json",
}


def record_as_json(record: AuditRecord) -> Json:
    """As the API answers it."""
    return {
        "position": record.position,
        "leaf": record.leaf.hex(),
        "recorded_at": instant_as_json(record.recorded_at),
        "request_id": str(record.request_id),
        "actor_id": str(record.actor_id),
        "actor_role": record.actor_role,
        "on_behalf_of": str(record.on_behalf_of) if record.on_behalf_of else None,
        "action": record.action,
        "client_id": str(record.client_id) if record.client_id else None,
        "clients": _texts(record.clients),
        "resources": _texts(record.resources),
        "outcome": record.outcome,
        "reason": record.reason,
        "purpose": record.purpose,
        "origin": record.origin,
    }


def written(
    pages: Iterable[Sequence[AuditRecord]], form: AuditForm, fhir: AuditRendering, proofs: ExportProofs
) -> Iterator[bytes]:
    """The file, a piece a page. JSON lines carry proofs, the other forms position and leaf."""
    match form:
        case AuditForm.CSV:
            return _csv(pages)
        case AuditForm.JSONL:
            return _json_lines(pages, proofs)
        case AuditForm.FHIR:
            return _bundle(pages, fhir)


def _csv(pages: Iterable[Sequence[AuditRecord]]) -> Iterator[bytes]:
    """RFC 4180, UTF-8. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    yield _rows([COLUMNS])
    for page in pages:
        yield _rows([[_cell(record_as_json(record)[name]) for name in COLUMNS] for record in page])


def _rows(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = " ".join(value) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] in _FORMULA else text


def _json_lines(pages: Iterable[Sequence[AuditRecord]], proofs: ExportProofs) -> Iterator[bytes]:
    yield _line(proofs.header())
    for page in pages:
        yield b"".join(_line(record_as_json(record) | {"proof": proofs.proof(record.position)}) for record in page)


def _line(content: Mapping[str, object]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode() + b"\n"


def _bundle(pages: Iterable[Sequence[AuditRecord]], fhir: AuditRendering) -> Iterator[bytes]:
    """A FHIR R4B Bundle of AuditEvents, an entry a line."""
    yield b'{"resourceType":"Bundle","type":"collection","entry":['
    before = b"\n"
    for page in pages:
        for record in page:
            address = f'{{"fullUrl":"urn:anamnesis:audit:{record.position}","resource":'.encode()
            yield before + address + fhir.event(record) + b"}"
            before = b",\n"
    yield b"\n]}\n"


def _texts(ids: Iterable[UUID]) -> list[str]:
    return [str(each) for each in ids]
