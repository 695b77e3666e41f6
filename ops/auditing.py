"""`anamnesis audit`: the audit from the host, as a table, as files of any length, and to whom a record was disclosed."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from domain.errors import Invalid
from domain.model.checks import ImpossibleTime
from domain.ports.audit import AuditFilters, AuditRecord
from domain.services.audit import Disclosure
from domain.services.audit_forms import AuditForm
from domain.services.rendering import instant_as_json
from ops.bootstrap import System
from ops.hosting import call_of_host, hosted

HEADINGS: Final = ("position", "when", "role", "who", "action", "outcome", "purpose", "client")
_RECEIPT_MOST: Final = 1024 * 1024
_PAGE: Final = 500


def rows(filters: AuditFilters, most: int) -> Iterator[tuple[str, ...]]:
    """What a person reads of the newest `most` entries, newest first. Raises Invalid, ViewBehind and what `build` raises."""
    with hosted() as system:
        at_least, after, told = system.recorder.last_position(), None, 0
        call = call_of_host(system)
        while told < most:
            limit = min(_PAGE, most - told)
            page = system.services.audit.search(call, after=after, limit=limit, at_least=at_least, **filters)
            told += len(page.items)
            yield from (_row(record) for record in page.items)
            if page.after is None:
                return
            after = page.after


def export(filters: AuditFilters, form: AuditForm, file: BinaryIO) -> None:
    """Everything that the filters find, into the file. Raises as `rows`."""
    with hosted() as system:
        at_least = system.recorder.last_position()
        file.writelines(system.services.audit.export(call_of_host(system), form, at_least=at_least, **filters))
        file.flush()


def disclosures(client_id: UUID) -> Sequence[Disclosure]:
    """Of six years back, newest first; also of a client whose record was erased. Raises as `rows`."""
    with hosted() as system:
        return _disclosures(system, client_id)


def _disclosures(system: System, client_id: UUID) -> Sequence[Disclosure]:
    at_least = system.recorder.last_position()
    return system.services.audit.disclosures(call_of_host(system), client_id, at_least=at_least)


def client_of(receipt: Path) -> UUID:
    """The pseudonym that the receipt of an erasure names, as JSON or within a signed note. Raises Invalid."""
    try:
        with receipt.open(encoding="utf-8") as file:
            text = file.read(_RECEIPT_MOST)
        return UUID(_named_client(text))
    except (OSError, UnicodeError, ValueError) as exc:
        raise Invalid("This file is no receipt of an erasure: it names no client_id.", field="receipt") from exc


def _named_client(text: str) -> str:
    """`client_id`, wherever the first JSON object or a line `client_id …` holds it. Raises ValueError."""
    start = text.find("{")
    if start >= 0:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
        named = found.get("client_id") or found.get("client")
        if isinstance(named, str):
            return named
    for line in text.splitlines():
        name, _, value = line.replace(":", " ").partition(" ")
        if name in {"client_id", "client"}:
            return value.strip()
    raise ValueError("no client")


def instant(text: str | None, option: str) -> datetime | None:
    """A time with its offset, or a day, which begins at midnight UTC. Raises ImpossibleTime."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise ImpossibleTime(f"{option} must be a day such as 2026-03-02 or a time such as 2026-03-02T10:00Z.") from exc
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found


def _row(record: AuditRecord) -> tuple[str, ...]:
    client = str(record.client_id) if record.client_id else f"{len(record.clients)} clients" if record.clients else ""
    outcome = f"{record.outcome} ({record.reason})" if record.reason else record.outcome
    return (
        str(record.position),
        instant_as_json(record.recorded_at) or "",
        record.actor_role,
        str(record.actor_id),
        record.action,
        outcome,
        record.purpose,
        client,
    )
