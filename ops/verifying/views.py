"""The views held against the log: filled a second time beside the real ones, and compared row by row.

A view is no evidence, but people read it: rows that somebody changed in it, took out or made up show here. Sealed columns are
opened on both sides, since no two seals of one text are alike.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Engine, LargeBinary, Table, select

from adapters.db.engines import open_database, read_transaction
from adapters.db.errors import translated
from adapters.keys.row_sealer import RowSealer
from adapters.keys.token_sealer import TokenSealer
from adapters.views.audit_kinds import AuditKinds
from adapters.views.opening import DETAIL
from adapters.views.tables import AUDIT, VIEWS
from adapters.views.tracking import ViewTracking
from domain.errors import AnamnesisError, Unavailable
from migrations.run import upgrade
from ops.bootstrap import System
from ops.verifying.findings import Finding, Findings, Kind

_APART: Final = frozenset(("worklist", "worklist_accounts", "audit_kinds"))
"""Derived by whoever reads them from views that are compared here; and numbers for codes, drawn anew on each side, which are
opened where rows refer to them.
"""
_PLACES: Final = ("position", "last_position", "first_position")
_TRIES: Final = 5

Row = Mapping[str, Any]
Key = tuple[Any, ...]


class ViewsMove(Unavailable):
    """The views went on while they were compared, again and again."""

    code = "views_move"
    message = "The views moved on each time they were compared."
    hint = "Compare them while less is written, or while the projections rest."


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsReport:
    position: int
    compared: int
    findings: tuple[Finding, ...]


def check_views(system: System, progress: Callable[[int], None] = lambda _done: None) -> ViewsReport:
    """Both sides at one position. Raises ViewsMove, ViewNeedsRebuild, StoreUnavailable, KeysUnavailable."""
    with TemporaryDirectory(prefix="anamnesis-views-") as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'views.db'}", pool_size=2)
        try:
            upgrade(engine, "views")
            tracking = ViewTracking(engine, system.recorder.deployment_id, system.recorder.incarnation)
            again = replace(system, tracking=tracking).runner()
            for _ in range(_TRIES):
                again.catch_up()
                progress(_position(tracking))
                report = _compared(system, engine, tracking)
                if report is not None:
                    return report
        finally:
            engine.dispose()
    raise ViewsMove


def _position(tracking: ViewTracking) -> int:
    return min((each.position for each in tracking.progress().values()), default=0)


def _compared(system: System, again: Engine, tracking: ViewTracking) -> ViewsReport | None:
    """None when one side moved meanwhile."""
    before = _positions(system.tracking)
    if before != _positions(tracking):
        return None
    findings = Findings()
    compared = 0
    opener = RowSealer(system.keys, system.mapper.log)
    kinds = TokenSealer(system.keys, system.mapper.log)
    for view in VIEWS:
        for table in view.tables:
            if table.name not in _APART:
                compared += _compare(table, (system.databases.views, again), opener, kinds, findings)
    if _positions(system.tracking) != before:
        return None
    return ViewsReport(position=_position(tracking), compared=compared, findings=tuple(findings.listed()))


def _positions(tracking: ViewTracking) -> dict[str, int]:
    return {name: each.position for name, each in tracking.progress().items()}


def _compare(
    table: Table, sides: tuple[Engine, Engine], opener: RowSealer, kinds: TokenSealer, findings: Findings
) -> int:
    """How many rows were looked at. Both sides are held in memory, a table at a time."""
    count = 0
    theirs, ours = (dict(_rows(table, engine, kinds)) for engine in sides)
    for key in theirs.keys() | ours.keys():
        count += 1
        said, true = theirs.get(key), ours.get(key)
        if said is None or true is None:
            row = said or true or {}
            findings.add(Kind.VIEW_WRONG, _place(row), f"{table.name}: {'made_up' if true is None else 'left_out'}")
        elif wrong := [column for column in true if not _same(table, column, said, true, opener)]:
            findings.add(Kind.VIEW_WRONG, _place(true), f"{table.name}: {wrong[0]}")
    return count


def _rows(table: Table, engine: Engine, kinds: TokenSealer) -> Iterator[tuple[Key, Row]]:
    keys = [column.name for column in table.primary_key] or [column.name for column in table.columns]
    with translated("views"), read_transaction(engine) as connection:
        codes: Mapping[Any, object] = AuditKinds(kinds).all(connection) if table in AUDIT.tables else {}
        for stored in connection.execute(select(table)).mappings():
            row = dict(stored)
            if codes:
                row["kind"] = codes.get(row["kind"], row["kind"])
            yield tuple(row[name] for name in keys), row


def _same(table: Table, column: str, said: Row, true: Row, opener: RowSealer) -> bool:
    if said[column] == true[column]:
        return True
    if not isinstance(table.columns[column].type, LargeBinary) or None in {said[column], true[column]}:
        return False
    plain = _opened(table, column, true, opener)
    return plain is not None and plain == _opened(table, column, said, opener)


def _opened(table: Table, column: str, row: Row, opener: RowSealer) -> bytes | None:
    client_id = row.get("client_id")
    row_id = row.get("id", client_id)
    if not isinstance(client_id, UUID) or not isinstance(row_id, UUID):
        return None
    for name in (table.name, *DETAIL.values()):
        try:
            return opener.open_row(client_id, name, row_id, row[column])
        except AnamnesisError:
            continue
    return None


def _place(row: Row) -> int:
    return next((int(row[name]) for name in _PLACES if row.get(name) is not None), 0)
