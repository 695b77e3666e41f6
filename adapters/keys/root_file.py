"""A root key in a file: 32 random bytes as base64 text, readable by its owner alone."""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from adapters.files import PRIVATE, make_folder, write_new
from adapters.keys.errors import (
    RootKeyExists,
    RootKeyMalformed,
    RootKeyMissing,
    RootKeyNotOurs,
    RootKeyTooOpen,
    RootKeyUnreadable,
)
from adapters.keys.wrapping import KEY_BYTES, derived, unwrap, wrap

_MAX_FILE_BYTES: Final = 256


class FileRootKey:
    """Holds the root key in this process's memory. Satisfies domain.ports.keys.RootKey.

    The bytes of the file only feed two derivations: the wrapping key, and the public name of this generation.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a root key has {KEY_BYTES} bytes, not {len(key)}")
        self._wrapping = AESGCM(derived(key, "anamnesis/root/wrap/1"))
        self._generation = "file-" + derived(key, "anamnesis/root/generation/1").hex()[:32]

    @classmethod
    def load(cls, path: Path) -> Self:
        """Raises RootKeyMissing, RootKeyNotOurs, RootKeyTooOpen, RootKeyUnreadable, RootKeyMalformed."""
        return cls(read_root_file(path))

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a new key in a file that isn't there yet, durably. Raises RootKeyExists, RootKeyUnreadable."""
        write_root_file(path, os.urandom(KEY_BYTES))
        return cls.load(path)

    @property
    def generation(self) -> str:
        return self._generation

    def wrap(self, key: bytes, context: bytes) -> bytes:
        return wrap(self._wrapping, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap(self._wrapping, wrapped, context)

    def __repr__(self) -> str:
        return f"FileRootKey({self._generation})"


def read_root_file(path: Path) -> bytes:
    """The 32 bytes of a root key file. Raises as FileRootKey.load."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise RootKeyMissing(path=path) from exc
    except OSError as exc:
        raise RootKeyUnreadable(path=path, reason=os.strerror(exc.errno or 0)) from exc
    try:
        _check_owner_and_mode(path, os.fstat(descriptor))
        return _decoded(path, os.read(descriptor, _MAX_FILE_BYTES))
    finally:
        os.close(descriptor)


def write_root_file(path: Path, key: bytes) -> None:
    """A root key into a file that isn't there yet, durably. Raises RootKeyExists, RootKeyUnreadable."""
    write_private(path, base64.b64encode(key) + b"\n")


def write_private(path: Path, text: bytes) -> None:
    """A new file for its owner alone, in folders for their owner alone, durably. Raises RootKeyExists, RootKeyUnreadable."""
    try:
        make_folder(path.parent)
        write_new(path, text)
    except FileExistsError as exc:
        raise RootKeyExists(path=path) from exc
    except OSError as exc:
        raise RootKeyUnreadable(
            "The root key file can't be made.", path=path, reason=os.strerror(exc.errno or 0)
        ) from exc


def _check_owner_and_mode(path: Path, status: os.stat_result) -> None:
    """Of the opened file, not of the path: nobody can swap it in between."""
    if not stat.S_ISREG(status.st_mode):
        raise RootKeyUnreadable(path=path, reason="not a regular file")
    if status.st_uid != os.geteuid():
        raise RootKeyNotOurs(path=path, owner=status.st_uid, process=os.geteuid())
    mode = stat.S_IMODE(status.st_mode)
    if mode & ~PRIVATE:
        raise RootKeyTooOpen(
            f"The root key file is open to others: its mode is {mode:04o}, not {PRIVATE:04o}. Run: chmod 600 {path}"
        )


def _decoded(path: Path, text: bytes) -> bytes:
    try:
        key = base64.b64decode(text.strip(b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise RootKeyMalformed(path=path) from exc
    if len(key) != KEY_BYTES or len(set(key)) == 1:
        raise RootKeyMalformed(path=path)
    return key
