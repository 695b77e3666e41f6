"""Small files that must be whole or not there at all, also after the power went: written aside, flushed, then named."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PRIVATE: Final = 0o600
"""For the owner alone."""


def write_new(path: Path, content: bytes, mode: int = PRIVATE) -> None:
    """Make a file that isn't there yet, durably. Raises FileExistsError and leaves what is there; OSError."""
    with _written_aside(path, content, mode) as aside:
        os.link(aside, path)
    make_durable(path.parent)


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
