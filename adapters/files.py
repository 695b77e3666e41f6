"""Files that must be whole or not there at all, also after the power went or the process was killed."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

PRIVATE: Final = 0o600
"""For the owner alone."""
_UNFINISHED: Final = ".anamnesis-unfinished-"


def write_new(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Make a file that isn't there yet, durably. Raises FileExistsError and leaves what is there; OSError."""
    with new_file(path, mode) as file:
        file.write(content)


@contextmanager
def new_file(path: Path, mode: int = PRIVATE) -> Iterator[BinaryIO]:
    """A file that isn't there yet: it gets its name, durably, when the block ends without an error.

    Until then it has no name at all, so that of a process that is killed the system itself leaves nothing. Where files
    can't be without one (no O_TMPFILE, as on NFS or macOS, or no /proc) it is written aside; `sweep_unfinished` removes
    what a killed process leaves there. Raises FileExistsError and leaves what is there; OSError.
    """
    descriptor, aside = _begun(path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
            _name(aside or Path(f"/proc/self/fd/{descriptor}"), path)
    finally:
        if aside is not None:
            aside.unlink(missing_ok=True)
    make_durable(path.parent)


def sweep_unfinished(folder: Path) -> None:
    """Remove what processes that are no more had begun to write here; what others are writing still is left. Raises OSError."""
    for left in folder.glob(f"{_UNFINISHED}*"):
        with suppress(OSError):  # another process writes it still, has just named it, or it is another account's
            descriptor = os.open(
                left, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
            )  # NFS locks what is written
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                left.unlink()
            finally:
                os.close(descriptor)


def _begun(folder: Path) -> tuple[int, Path | None]:
    """A file to write, and its name as long as it has none of its own."""
    if hasattr(os, "O_TMPFILE"):
        with suppress(OSError):  # what else is wrong with the folder, the other way meets as well
            descriptor = os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, PRIVATE)
            if Path(f"/proc/self/fd/{descriptor}").exists():
                return descriptor, None
            os.close(descriptor)
    while True:
        aside = folder / f"{_UNFINISHED}{os.urandom(8).hex()}"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE)
        with suppress(OSError):  # a file system without locks: then nobody sweeps either
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, aside
        os.close(descriptor)  # somebody swept it before it was locked


def _name(written: Path, path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        # Python follows the link to the open file only when it is told a folder as well.
        os.link(written, path.name, dst_dir_fd=folder, follow_symlinks=True)
    finally:
        os.close(folder)


def replace(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Make a file or write it over in one step, durably. Raises OSError."""
    with _written_aside(path, content, mode) as aside:
        aside.replace(path)
    make_durable(path.parent)


@contextmanager
def _written_aside(path: Path, content: bytes, mode: int) -> Iterator[Path]:
    aside = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        yield aside
    finally:
        aside.unlink(missing_ok=True)


def make_folder(folder: Path, mode: int = 0o700) -> None:
    """With those above it that are missing. A folder is durable once the one that names it is. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=mode, exist_ok=True)
        make_durable(each.parent)


def make_durable(folder: Path) -> None:
    """Flush the names that a folder holds. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
