"""A CSV file as rows with the number of the line where each begins. Bytes that are no UTF-8 stay in their field, as lone
surrogates, so that one bad row is one fault and not the end of the file.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from ops.imports.faults import Fault, FileEmpty, FileUnreadable, NotTheFormat

_FIELD_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """`cells` by column; `fault` says why they can't be used."""

    line: int
    cells: Mapping[str, str]
    fault: Fault | None = None


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """For reading rows: a byte order mark is passed over. Raises FileUnreadable."""
    if not path.is_file():
        raise FileUnreadable("There is no regular file at this path.")
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            yield file
    except OSError as exc:
        raise FileUnreadable(type(exc).__name__) from exc


def read_rows(path: Path, needed: Sequence[str]) -> Iterator[Row]:
    """Every row after the header. Raises FileUnreadable, FileEmpty, NotTheFormat: the header lacks one of the `needed`
    columns, or the file stops being CSV.
    """
    # The reader's limit is the module's; this is the only place that reads CSV.
    csv.field_size_limit(_FIELD_MOST)
    with opened(path) as file:
        reader = csv.reader(file, strict=True)
        line = 1
        try:
            header = next(reader, None)
            if header is None:
                raise FileEmpty
            _check(header, needed)
            line = reader.line_num + 1
            for cells in reader:
                if cells:
                    yield _row(line, header, cells)
                line = reader.line_num + 1
        except csv.Error:
            raise NotTheFormat(
                f"From line {line} on the file is no CSV: a quote is never closed, or a field is longer than "
                f"{_FIELD_MOST:,} characters.",
                line=line,
            ) from None


def _check(header: Sequence[str], needed: Sequence[str]) -> None:
    missing = [name for name in needed if name not in header]
    if missing:
        raise NotTheFormat(f"The first line does not name the columns {', '.join(missing)}.", line=1)
    if len(set(header)) != len(header):
        raise NotTheFormat("The first line names a column twice.", line=1)


def _row(line: int, header: Sequence[str], cells: Sequence[str]) -> Row:
    named = dict(zip(header, cells, strict=False))
    if len(cells) != len(header):
        text = f"There are {len(cells)} fields where the header names {len(header)}."
        return Row(line, named, Fault(where=f"line {line}", code="fields_missing", text=text))
    for column, cell in named.items():
        if not cell.isascii() and not _encodable(cell):
            return Row(line, named, fault(line, column, "not_utf8", "These bytes are no UTF-8."))
    return Row(line, named)


def fault(line: int, column: str, code: str, text: str) -> Fault:
    """One that is in a cell."""
    return Fault(where=f"line {line}, column {column}", code=code, text=text)


def _encodable(cell: str) -> bool:
    try:
        cell.encode()
    except UnicodeEncodeError:
        return False
    return True
