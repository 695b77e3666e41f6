"""Real databases and a real Redis for the tests, started once a process and stopped with it, even when it is killed.

Point the suites at running servers instead with ANAMNESIS_TEST_POSTGRES_URL (an account that may create databases and
roles) and ANAMNESIS_TEST_REDIS_URL (its database number is emptied).
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest
import redis
import structlog
from hypothesis import settings
from psycopg import sql
from sqlalchemy import Engine, make_url

from adapters.db.engines import Databases, open_databases
from migrations.run import CHAINS, upgrade

# Test folders are no packages: what several modules here need lies beside them.
sys.path.insert(0, str(Path(__file__).parent))

from real_servers import Postgres, RedisServer, running_postgres, running_redis, until

from tests.conformance.report import (
    pytest_report_teststatus,  # noqa: F401 - pytest calls it for each report
    pytest_terminal_summary,  # noqa: F401 - pytest calls it at the end of a run
)

# Triton reads this once, when it is imported, and peft imports it long before tests/kernels does. Whether there is a GPU
# is asked of the system: torch knows better, but importing it takes seconds, and most tests do without.
if not any(map(os.path.exists, ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg"))):
    os.environ.setdefault("TRITON_INTERPRET", "1")

# As many processes run tests as there are cores: threads of linear algebra in each would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("anamnesis", deadline=None, max_examples=50, print_blob=True)
settings.register_profile("ci", parent=settings.get_profile("anamnesis"), derandomize=True, database=None)
settings.register_profile("faults", parent=settings.get_profile("anamnesis"), max_examples=1000)
settings.load_profile("ci" if os.environ.get("CI") else "anamnesis")


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """`wait_until(condition, what, deadline_s=60)`: returns when `condition()` is true, fails naming `what`."""
    return until


@pytest.fixture(autouse=True)
def own_log_settings() -> Iterator[None]:
    """What a test's commands set up for logging ends with the test."""
    yield
    if structlog.is_configured():
        structlog.reset_defaults()


# PostgreSQL ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a superuser's maintenance database. Make databases of your own in it, or use `databases`."""
    if given := os.environ.get("ANAMNESIS_TEST_POSTGRES_URL"):
        yield make_url(given).set(drivername="postgresql+psycopg").render_as_string(hide_password=False)
        return
    with running_postgres() as server:
        yield server.url()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    """A server of the module's own, to be stopped, killed and started by tests."""
    with running_postgres() as server:
        yield server


def execute_on(url: str, *statements: str) -> None:
    """Run statements outside of transactions (CREATE DATABASE)."""
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in statements:
            connection.execute(sql.SQL(statement))


def database_at(url: str, name: str) -> str:
    return make_url(url).set(database=name).render_as_string(hide_password=False)


@contextmanager
def postgres_database(url: str, template: str = "template0") -> Iterator[str]:
    """URL of a new database, dropped afterwards with whatever is connected to it."""
    name = f"anamnesis_{uuid4().hex}"
    execute_on(url, f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield database_at(url, name)
    finally:
        execute_on(url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture
def empty_postgres_url(postgres_url: str) -> Iterator[str]:
    """URL of a new PostgreSQL database without any table."""
    with postgres_database(postgres_url) as url:
        yield url


@pytest.fixture
def empty_database_url(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database of this kind without any table."""
    if database_kind == "sqlite":
        return f"sqlite:///{tmp_path / 'empty' / 'database.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


# Databases of the product -------------------------------------------------------------------------------------------


class DatabaseUrls(NamedTuple):
    events: str
    keys: str
    views: str

    @classmethod
    def in_folder(cls, folder: Path) -> "DatabaseUrls":
        return cls(*(f"sqlite:///{folder / chain}.db" for chain in CHAINS))


def migrate(urls: DatabaseUrls) -> None:
    with open_databases(*urls) as databases:
        for chain in CHAINS:
            upgrade(getattr(databases, chain), chain)


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with migrated, empty database files: copy, don't change."""
    folder = tmp_path_factory.mktemp("migrated")
    migrate(DatabaseUrls.in_folder(folder))
    return folder


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[str]:
    """The name of a migrated, empty database: a template, don't connect."""
    with postgres_database(postgres_url) as url:
        migrate(DatabaseUrls(url, url, url))
        yield str(make_url(url).database)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def database_urls(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseUrls]:
    """URLs of a new migrated deployment: three files in a folder, or one PostgreSQL database that holds all three."""
    if database_kind == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite")
        folder = tmp_path / "data"
        folder.mkdir(mode=0o700)
        for chain in CHAINS:
            shutil.copy(template / f"{chain}.db", folder)
        yield DatabaseUrls.in_folder(folder)
        return
    with postgres_database(
        request.getfixturevalue("postgres_url"), request.getfixturevalue("migrated_postgres")
    ) as url:
        yield DatabaseUrls(url, url, url)


@pytest.fixture
def databases(database_urls: DatabaseUrls) -> Iterator[Databases]:
    """Engines on a new migrated deployment of this kind; the test's own, closed and removed afterwards."""
    with open_databases(*database_urls) as opened:
        yield opened


@pytest.fixture
def events_engine(databases: Databases) -> Engine:
    return databases.events


@pytest.fixture
def keys_engine(databases: Databases) -> Engine:
    return databases.keys


@pytest.fixture
def views_engine(databases: Databases) -> Engine:
    return databases.views


# Redis --------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    if given := os.environ.get("ANAMNESIS_TEST_REDIS_URL"):
        yield given
        return
    with running_redis() as server:
        yield server.url


@pytest.fixture(scope="session")
def redis_url(redis_server_url: str) -> str:
    """URL of a Redis of this test process; what earlier tests wrote is still there. See `empty_redis_url`."""
    return redis_server_url


@pytest.fixture
def empty_redis_url(redis_url: str) -> str:
    """The same Redis, emptied first."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    return redis_url


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis of the test's own, to be stopped and started by it."""
    with running_redis() as server:
        yield server


# Stored data --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with data sets that are not part of the tree: ANAMNESIS_REAL_DATA, else ../shared/data."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("ANAMNESIS_REAL_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data sets at {folder}: set ANAMNESIS_REAL_DATA to the folder that holds them")
    return folder
