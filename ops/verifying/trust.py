"""Which checkpoints a log is held against: from files, addresses, the place off the box, or the database itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy import Engine, select

from adapters.db.engines import read_transaction
from adapters.db.errors import translated
from adapters.event_store.tables import checkpoints
from adapters.log.checkpoints import FOLDER, SignedCheckpoint
from adapters.log.notes import VerifierKey
from domain.errors import Invalid
from domain.ports.offbox import OffBox

_TIMEOUT_S: Final = 20.0
_MOST_BYTES: Final = 1_000_000
_OPEN_MOST: Final = 5_000


class CheckpointUnreadable(Invalid):
    code = "checkpoint_unreadable"
    message = "A checkpoint can't be read from there."
    hint = (
        "Name a file, or an address such as https://practice.example/v1/log/checkpoint that answers with a signed note."
    )


@dataclass(frozen=True, slots=True)
class Trusted:
    """Checkpoints that count, `left_out` others that witnesses didn't cosign, and where they came from."""

    checkpoints: tuple[SignedCheckpoint, ...]
    left_out: int = 0
    source: str = ""

    @property
    def cosigned(self) -> int:
        return max((one.checkpoint.size for one in self.checkpoints), default=0)


def trusted(
    contents: Iterable[bytes | str], key: VerifierKey, witnesses: Sequence[VerifierKey] = (), source: str = ""
) -> Trusted:
    """Those that `key` signed; where witnesses are named, only those that all of them cosigned. Raises NoteInvalid."""
    opened = [SignedCheckpoint.opened(content, key) for content in contents]
    counted = tuple(one for one in opened if len(one.cosignatures(witnesses)) == len(witnesses))
    return Trusted(counted, len(opened) - len(counted), source)


def fetched(place: str) -> bytes:
    """The content of a file or of what an address answers. Raises CheckpointUnreadable."""
    try:
        if place.startswith(("http://", "https://")):
            answer = httpx.get(place, timeout=_TIMEOUT_S, headers={"Accept": "text/plain"}, trust_env=False)
            answer.raise_for_status()
            return answer.content[:_MOST_BYTES]
        path = Path(place)
        if path.stat().st_size > _MOST_BYTES:
            raise CheckpointUnreadable(place=place, reason="too long")
        return path.read_bytes()
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as exc:
        raise CheckpointUnreadable(place=place, reason=type(exc).__name__) from exc


def off_the_box(place: OffBox, *, newest_only: bool) -> list[bytes]:
    """The newest checkpoint of each incarnation, or as many as can be looked at, the newest first. Raises OffBoxUnavailable."""
    names = [name for name in place.names(FOLDER) if not name.endswith("/")]
    if newest_only:
        names = list({name.rpartition("/")[0]: name for name in names}.values())
    found = [place.get(name) for name in names[-_OPEN_MOST:]]
    return [content for content in found if content is not None]


def in_database(engine: Engine, *, newest_only: bool) -> list[str]:
    """As `off_the_box`, from the database's own table. Raises StoreUnavailable."""
    with translated("events"), read_transaction(engine) as connection:
        rows = connection.execute(select(checkpoints).order_by(checkpoints.c.incarnation, checkpoints.c.size)).all()
    if newest_only:
        rows = list({row.incarnation: row for row in rows}.values())
    return [row.note for row in rows[-_OPEN_MOST:]]


def verifier_key(text: str) -> VerifierKey:
    """A key as text, or the name of a file that holds one. Raises VerifierKeyInvalid, CheckpointUnreadable."""
    if "+" not in text:
        try:
            text = fetched(text).decode()
        except UnicodeError as exc:
            raise CheckpointUnreadable(place=text, reason="not text") from exc
    return VerifierKey.parse(text)
