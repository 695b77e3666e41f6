"""Which checkpoints a log is held against: from files, addresses, the place off the box, or the database itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Engine, select

from adapters.db.engines import read_transaction
from adapters.db.errors import translated
from adapters.event_store.tables import checkpoints
from adapters.log.checkpoints import FOLDER, SignedCheckpoint
from adapters.log.notes import VerifierKey
from domain.ports.offbox import OffBox

_OPEN_MOST: Final = 5_000


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
