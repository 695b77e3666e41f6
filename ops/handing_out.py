"""Files for whoever asked for them, written on the host: never over another, there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.files import new_file, sweep_unfinished
from domain.errors import Conflict, Invalid


class FileThere(Conflict):
    code = "file_there"
    message = "There is a file of this name already; an export is never written over one."
    hint = "Name another file, or move that one away."


class FileNotWritten(Invalid):
    code = "file_not_written"
    message = "The export can't be written there."
    hint = "Name a file in a folder that is there and that this user may write to."


@contextmanager
def handed_out(to: Path) -> Iterator[BinaryIO]:
    """The file to write, for its owner alone; it gets its name when the block ends without an error.

    Where files can't be without a name, what earlier ones left in this folder as they were killed goes first.
    Raises FileThere, FileNotWritten.
    """
    try:
        if to.is_symlink() or to.exists():
            raise FileThere(path=to)
        sweep_unfinished(to.parent)
        with new_file(to) as file:
            yield file
    except FileExistsError:
        raise FileThere(path=to) from None
    except OSError as exc:
        raise FileNotWritten(path=to, reason=os.strerror(exc.errno or 0)) from exc
