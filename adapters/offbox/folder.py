"""A folder as the place off the box: mounted from elsewhere, synchronised, or on a disk that can't be rewritten."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.files import make_folder, write_new
from adapters.offbox.names import checked_name, checked_prefix
from domain.ports.offbox import OffBoxConflict, OffBoxUnavailable

_MODE: Final = 0o400
"""Written once: a slip of the hand is refused too."""


class FolderOffBox:
    """The folder itself must be there: a mount that is away must not be mistaken for an empty place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, content: bytes) -> None:
        path = self._folder / checked_name(name)
        try:
            self._there()
            make_folder(path.parent)
            write_new(path, content, _MODE)
        except FileExistsError:
            if self.get(name) != content:
                raise OffBoxConflict(name=name) from None
        except OSError as exc:
            raise _unavailable(exc) from exc

    def get(self, name: str) -> bytes | None:
        try:
            self._there()
            return (self._folder / checked_name(name)).read_bytes()
        except FileNotFoundError:
            self._check()
            return None
        except OSError as exc:
            raise _unavailable(exc) from exc

    def names(self, prefix: str) -> Sequence[str]:
        checked_prefix(prefix)
        # Only below what the prefix names whole: a place keeps more than one kind of thing.
        below = self._folder / prefix.rpartition("/")[0]
        try:
            self._there()
            found = [
                str((Path(folder) / name).relative_to(self._folder))
                for folder, _, names in os.walk(below, onerror=_raise)
                for name in names
                if not name.startswith(".")
            ]
        except FileNotFoundError:
            self._check()
            return []
        except OSError as exc:
            raise _unavailable(exc) from exc
        return sorted(name for name in found if name.startswith(prefix))

    def _there(self) -> None:
        if not self._folder.is_dir():
            raise NotADirectoryError(20, "not a folder")

    def _check(self) -> None:
        """Raises OffBoxUnavailable when the whole place went, not just a name in it."""
        try:
            self._there()
        except OSError as exc:
            raise _unavailable(exc) from exc


def _raise(error: OSError) -> None:
    raise error


def _unavailable(error: OSError) -> OffBoxUnavailable:
    return OffBoxUnavailable(reason=os.strerror(error.errno or 0))
