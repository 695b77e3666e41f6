"""SELECTs that every request asks: SQLAlchemy compiles them once, then they go to the driver directly.

Its own way of executing costs three to five times as much as the rest of such a read; on 32 threads that is a fifth of a
request. Parameters and values are converted by SQLAlchemy's types all the same.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from sqlalchemy import Dialect, Engine, Select

from adapters.db.errors import translated
from adapters.event_store.reading import reading

_Convert = Callable[[Any], Any]


class Question:
    """One SELECT with named parameters. Safe for threads."""

    def __init__(self, statement: Select[Any]) -> None:
        self._statement: Final = statement
        self._wordings: dict[str, _Wording] = {}

    def ask(self, engine: Engine, **parameters: Any) -> Sequence[Any]:
        """All rows, with their columns' names. Raises StoreUnavailable."""
        wording = self._wordings.get(engine.dialect.name)
        if wording is None:
            wording = self._wordings[engine.dialect.name] = _Wording.of(self._statement, engine.dialect)
        with translated("events"):
            pooled = engine.raw_connection()
            try:
                return wording.put(pooled.driver_connection, parameters)
            except (sqlite3.Error, psycopg.Error):
                pooled.invalidate()
            finally:
                pooled.close()
        # SQLAlchemy tells a lost connection from other errors, and then makes the whole pool anew.
        with reading(engine) as connection:
            return connection.execute(self._statement, parameters).all()


@dataclass(frozen=True, slots=True)
class _Wording:
    """The statement as one driver takes it. `order` names the parameters where they go by position."""

    text: str
    order: Sequence[str] | None
    constants: Mapping[str, Any]
    binds: Mapping[str, _Convert]
    columns: Sequence[tuple[int, _Convert]]
    row: Callable[[Sequence[Any]], Any]

    @staticmethod
    def of(statement: Select[Any], dialect: Dialect) -> "_Wording":
        compiled: Any = statement.compile(dialect=dialect)
        binds = {
            name: convert
            for name, bind in compiled.binds.items()
            if (convert := bind.type.dialect_impl(dialect).bind_processor(dialect))
        }
        constants = {name: bind.value for name, bind in compiled.binds.items() if not bind.required}
        selected = list(statement.selected_columns)
        columns = [
            (index, convert)
            for index, column in enumerate(selected)
            if (convert := column.type.dialect_impl(dialect).result_processor(dialect, None))
        ]
        names = [str(column.key) for column in selected]
        made = namedtuple("Answer", names, rename=True)  # type: ignore[misc]  # noqa: PYI024 - its fields are the statement's
        return _Wording(str(compiled), compiled.positiontup, constants, binds, columns, made._make)

    def put(self, driver: Any, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """Raises what the driver raises."""
        values = {**self.constants, **parameters}
        for name, convert in self.binds.items():
            values[name] = convert(values[name])
        if self.order is not None:
            found = driver.execute(self.text, [values[name] for name in self.order]).fetchall()
        else:
            # A lone statement is a transaction of its own: no round trips for BEGIN and ROLLBACK.
            driver.autocommit = True
            try:
                found = driver.execute(self.text, values).fetchall()
            finally:
                driver.autocommit = False
        return [self._answer(row) for row in found]

    def _answer(self, row: Sequence[Any]) -> Any:
        if not self.columns:
            return self.row(row)
        values = list(row)
        for index, convert in self.columns:
            values[index] = convert(values[index])
        return self.row(values)
