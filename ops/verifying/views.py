"""The views held against the log: filled a second time beside the real ones, and compared row by row.

A view is no evidence, but people read it: rows that somebody changed in it, took out or made up show here. Sealed columns are
opened on both sides, since no two seals of one text are alike.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, Engine, LargeBinary, Table, select

from adapters.db.engines import open_database, read_transaction
from adapters.db.errors import translated
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import StoredRow
from adapters.keys.row_sealer import RowSealer
from adapters.keys.token_sealer import TokenSealer
from adapters.views.audit_kinds import AuditKinds
from adapters.views.opening import DETAIL
from adapters.views.tables import AUDIT, VIEWS, view_tracking
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
    """Journeys and the audit stood at different positions whenever they were looked at."""

    code = "views_move"
    message = "The views stand at different positions of the log: one of them is being built anew."
    hint = "Compare them once `anamnesis doctor` says that none is behind."


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewsReport:
    position: int
    compared: int
    findings: tuple[Finding, ...]


class _Prefix:
    """The log as if it ended at `end`: projections fill the second side just so far."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.end = 0

    def last_position(self) -> int:
        return self.end

    def read_log(self, after: int, limit: int, stop: int | None = None) -> list[StoredRow]:
        return self._recorder.read_log(after, limit, self.end if stop is None else min(stop, self.end))

    def wait_for_append(self, after: int, timeout_s: float) -> int:  # noqa: ARG002 - there is nothing to wait for
        return self.end


def check_views(system: System, progress: Callable[[int], None] = lambda _done: None) -> ViewsReport:
    """Both sides at one position, that of the views: they may go on meanwhile, or lie behind. Raises ViewsMove,
    StoreUnavailable, KeysUnavailable.
    """
    with TemporaryDirectory(prefix="anamnesis-views-") as folder:
        engine = open_database(f"sqlite:///{Path(folder) / 'views.db'}", pool_size=2)
        try:
            upgrade(engine, "views")
            return _checked(system, engine, progress)
        finally:
            engine.dispose()


def _checked(system: System, again: Engine, progress: Callable[[int], None]) -> ViewsReport:
    tracking = ViewTracking(again, system.recorder.deployment_id, system.recorder.incarnation)
    prefix = _Prefix(system.recorder)
    runner = replace(system, tracking=tracking).runner(prefix)
    for _ in range(_TRIES):
        # Most of the way without a snapshot, which would keep the database from tidying up, then the rest of it.
        with _moment(system.databases.views) as theirs:
            prefix.end = min(_positions(theirs), default=0)
        runner.catch_up()
        progress(prefix.end)
        with _moment(system.databases.views) as theirs:
            positions = _positions(theirs)
            if len(positions) > 1:
                continue
            prefix.end = max(positions, default=0)
            runner.catch_up()
            with _moment(again) as ours:
                return _compared(system, (theirs, ours), prefix.end)
    raise ViewsMove


@contextmanager
def _moment(engine: Engine) -> Iterator[Connection]:
    """Everything read in it is of one moment."""
    server = engine.dialect.name == "postgresql"
    snapshots = engine.execution_options(isolation_level="REPEATABLE READ") if server else engine
    with translated("views"), read_transaction(snapshots) as connection:
        yield connection


def _positions(connection: Connection) -> set[int]:
    return set(connection.scalars(select(view_tracking.c.position)))


def _compared(system: System, sides: tuple[Connection, Connection], position: int) -> ViewsReport:
    findings = Findings()
    compared = 0
    opener = RowSealer(system.keys, system.mapper.log)
    kinds = TokenSealer(system.keys, system.mapper.log)
    for view in VIEWS:
        for table in view.tables:
            if table.name not in _APART:
                compared += _compare(table, sides, opener, kinds, findings)
    return ViewsReport(position=position, compared=compared, findings=tuple(findings.listed()))


def _compare(
    table: Table, sides: tuple[Connection, Connection], opener: RowSealer, kinds: TokenSealer, findings: Findings
) -> int:
    """How many rows were looked at. Both sides are held in memory, a table at a time."""
    count = 0
    theirs, ours = (dict(_rows(table, connection, kinds)) for connection in sides)
    for key in theirs.keys() | ours.keys():
        count += 1
        said, true = theirs.get(key), ours.get(key)
        if said is None or true is None:
            row = said or true or {}
            findings.add(Kind.VIEW_WRONG, _place(row), f"{table.name}: {'made_up' if true is None else 'left_out'}")
        elif wrong := [column for column in true if not _same(table, column, said, true, opener)]:
            findings.add(Kind.VIEW_WRONG, _place(true), f"{table.name}: {wrong[0]}")
    return count


def _rows(table: Table, connection: Connection, kinds: TokenSealer) -> Iterator[tuple[Key, Row]]:
    keys = [column.name for column in table.primary_key] or [column.name for column in table.columns]
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
