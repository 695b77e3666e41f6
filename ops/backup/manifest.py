"""What a back-up says of itself. Written last: a folder without one is a back-up that was cut off."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, Final, Literal, Self
from uuid import UUID

from ops.backup.errors import BackupDamaged, BackupUnfit

FORMAT: Final = "anamnesis-backup/1"
NAME: Final = "manifest.json"
_MOST_BYTES: Final = 1_000_000

What = Literal["events", "keys"]
Kind = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One file. `table` and `columns` say what a PostgreSQL copy holds; a SQLite file is the whole database."""

    name: str
    size: int
    sha256: str
    table: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """`position` is the last one of the log in an event back-up; in one of keys, a position the log had reached before
    the keys were copied, so that every key of an event up to there is in it. `root` is the Merkle root at `position`,
    computed from the copy, in hexadecimal; empty for keys. `taken_at_us` is microseconds since 1970, UTC.
    """

    what: What
    kind: Kind
    product: str
    revision: str
    deployment_id: UUID
    incarnation: int
    position: int
    root: str
    taken_at_us: int
    files: tuple[Content, ...]

    def encoded(self) -> bytes:
        return json.dumps({"format": FORMAT, **asdict(self)}, default=str, indent=1).encode() + b"\n"

    @classmethod
    def decoded(cls, content: bytes) -> Self:
        """Raises BackupDamaged, BackupUnfit for a manifest of a release that this one doesn't know."""
        try:
            stored = json.loads(content[:_MOST_BYTES])
            form = stored["format"]
            fields = _fields(stored) if form == FORMAT else {}
        except (ValueError, TypeError, KeyError, AttributeError) as exc:
            raise BackupDamaged("The manifest can't be read.") from exc
        if not fields:
            raise BackupUnfit(f"This release reads back-ups of the form {FORMAT}, not this one.")
        return cls(**fields)


def digest(manifest: bytes) -> str:
    """What names a back-up exactly: SHA-256 of its manifest's bytes, in hexadecimal."""
    return sha256(manifest).hexdigest()


def _fields(stored: Mapping[str, Any]) -> dict[str, Any]:
    what, kind = stored["what"], stored["kind"]
    if what not in ("events", "keys") or kind not in ("sqlite", "postgresql"):
        raise ValueError
    files = tuple(
        Content(
            name=_safe(each["name"]),
            size=int(each["size"]),
            sha256=str(each["sha256"]),
            table=str(each["table"]),
            columns=tuple(map(str, each["columns"])),
        )
        for each in stored["files"]
    )
    return {
        "what": what,
        "kind": kind,
        "product": str(stored["product"]),
        "revision": str(stored["revision"]),
        "deployment_id": UUID(stored["deployment_id"]),
        "incarnation": int(stored["incarnation"]),
        "position": int(stored["position"]),
        "root": str(stored["root"]),
        "taken_at_us": int(stored["taken_at_us"]),
        "files": files,
    }


def _safe(name: str) -> str:
    """A file inside the back-up's own folder: whoever wrote the manifest may not choose others."""
    if not name or "/" in name or name.startswith(".") or not name.isascii():
        raise ValueError
    return name
