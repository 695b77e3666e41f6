"""Exported files, checked line by line without a database."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters.log.checkpoints import SignedCheckpoint
from adapters.log.exports import ExportReport, check_lines
from adapters.log.notes import VerifierKey
from domain.errors import Invalid


class ExportUnreadable(Invalid):
    code = "export_unreadable"
    message = "The exported file can't be read."


def check_export(
    path: str, key: VerifierKey, witnesses: Sequence[VerifierKey], others: Sequence[SignedCheckpoint]
) -> ExportReport:
    """Raises ExportUnreadable. A file of several gigabytes is read a line at a time."""
    try:
        return check_lines(_lines(Path(path)), key, witnesses, others)
    except (OSError, UnicodeError) as exc:
        raise ExportUnreadable(path=path, reason=type(exc).__name__) from exc


def _lines(path: Path) -> Iterator[dict[str, Any] | None]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            yield found if isinstance(found, dict) else None
