"""The key database is down, full, read-only or locked: what needs a new key waits, what has its key goes on, and no key
is used that wasn't stored.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, event, make_url, select, text

from adapters.db.engines import open_database, write_transaction
from adapters.keys.ring import KeyRing
from adapters.keys.root_file import FileRootKey
from adapters.keys.tables import keys
from domain.errors import KeysUnavailable
from domain.ports.keys import RecordClass

DEPLOYMENT = UUID("7c1f6f43-53b0-4d46-8a3b-6f7c0f0f5d01")


def on_each_connection(engine: Engine, statement: str) -> Callable[[], None]:
    """Run a statement on all connections made from now on; the answer undoes that."""

    def run(connection, _record) -> None:
        connection.execute(statement).close()
        connection.commit()

    event.listen(engine, "connect", run)
    engine.dispose()

    def undo() -> None:
        event.remove(engine, "connect", run)
        engine.dispose()

    return undo


@contextmanager
def setting(engine: Engine, statement: str) -> Iterator[None]:
    undo = on_each_connection(engine, statement)
    yield
    undo()


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    sqlite = engine.dialect.name == "sqlite"
    other = open_database(engine.url.render_as_string(hide_password=False))
    brief = setting(engine, "PRAGMA busy_timeout = 20" if sqlite else "SET lock_timeout = '20ms'")
    with brief, write_transaction(other) as connection:
        if not sqlite:
            connection.execute(text("LOCK TABLE keys IN ACCESS EXCLUSIVE MODE"))
        yield
    other.dispose()


@contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    sqlite = engine.dialect.name == "sqlite"
    with setting(engine, "PRAGMA query_only = ON" if sqlite else "SET default_transaction_read_only = on"):
        yield


@contextmanager
def full(engine: Engine) -> Iterator[None]:
    """No page more than there are; some rows still fit into those."""
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    with setting(engine, f"PRAGMA max_page_count = {pages}"):
        yield


@contextmanager
def away(engine: Engine) -> Iterator[None]:
    """The file is gone and can't be made anew."""
    engine.dispose()
    path = Path(str(engine.url.database))
    kept = path.rename(path.with_suffix(".kept"))
    path.mkdir()
    yield
    path.rmdir()
    kept.rename(path)


@contextmanager
def unreachable(engine: Engine) -> Iterator[None]:
    """New connections are refused, as by a server that is shutting down, and there are no old ones."""
    database = make_url(engine.url).database
    administrator = open_database(engine.url.set(database="postgres").render_as_string(hide_password=False))
    with administrator.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        engine.dispose()
        connection.execute(text(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false'))
        yield
        connection.execute(text(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true'))
    administrator.dispose()


FAULTS = [
    pytest.param("sqlite", locked, "database_busy", id="sqlite locked"),
    pytest.param("sqlite", read_only, "database_read_only", id="sqlite read-only"),
    pytest.param("sqlite", full, "database_full", id="sqlite full"),
    pytest.param("sqlite", away, "database_down", id="sqlite away"),
    pytest.param("postgresql", locked, "database_busy", id="postgresql locked"),
    pytest.param("postgresql", read_only, "database_read_only", id="postgresql read-only"),
    pytest.param("postgresql", unreachable, "database_down", id="postgresql closed to connections"),
]
each_fault = pytest.mark.parametrize(("database_kind", "fault", "code"), FAULTS, indirect=["database_kind"])


@pytest.fixture
def ring(keys_engine, tmp_path) -> KeyRing:
    return KeyRing(keys_engine, deployment=DEPLOYMENT, root=FileRootKey.create(tmp_path / "root.key"))


def stored(engine: Engine) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(select(keys.c.id, keys.c.owner, keys.c.wrapped))), key=str)


def make_keys(ring: KeyRing, made: list[UUID]) -> None:
    """For new clients, until one is refused."""
    for _ in range(500):
        made.append(ring.key_id(uuid4(), RecordClass.JOURNAL))  # noqa: PERF401 - those before the refusal count


@each_fault
def test_a_new_client_waits_and_one_with_a_key_goes_on(ring, keys_engine, fault, code):
    known = uuid4()
    key = ring.key_id(known, RecordClass.JOURNAL)
    assert ring.open(ring.seal(key, b"before", b"row 1"), b"row 1") == b"before"
    before, made = stored(keys_engine), []
    with fault(keys_engine):
        with pytest.raises(KeysUnavailable) as refused:
            make_keys(ring, made)
        assert refused.value.facts.get("fault") == code
        sealed = ring.seal(ring.key_id(known, RecordClass.JOURNAL), b"meanwhile", b"row 2")
        assert ring.open(sealed, b"row 2") == b"meanwhile"
    after = stored(keys_engine)
    assert set(before) <= set(after)
    assert {*made} <= {row[0] for row in after}
    if fault is not full:
        assert (after, made) == (before, [])
    late = ring.key_id(uuid4(), RecordClass.JOURNAL)
    assert ring.open(ring.seal(late, b"after", b"row 3"), b"row 3") == b"after"
    assert late in [row[0] for row in stored(keys_engine)]
