"""The key that checkpoints and receipts are signed with: 32 random bytes as base64 text, readable by its owner alone.

It stays out of the API process: whoever breaks into that one can't sign.
"""

import base64
import binascii
import os
import stat
from pathlib import Path
from typing import Final

from adapters.files import make_folder, write_new
from adapters.log.notes import KEY_BYTES, PLAIN, NoteSigner
from domain.errors import Misconfigured

_MODE: Final = 0o600
_MOST_BYTES: Final = 256


class LogKeyMissing(Misconfigured):
    code = "log_key_missing"
    message = "There is no signing key at this path."
    hint = "Make one with `anamnesis checkpoint --init`, or name its path with ANAMNESIS_LOG_KEY_FILE."


class LogKeyExists(Misconfigured):
    code = "log_key_exists"
    message = "A signing key is already there; it was left as it is."
    hint = "Whoever checks the log knows this key. Choose another path for another deployment."


class LogKeyUnusable(Misconfigured):
    code = "log_key_unusable"
    message = "The signing key file can't be used."
    hint = "It must be a file of this user with mode 0600 that holds 32 random bytes in base64."


def create_signer(path: Path, name: str, kind: int = PLAIN) -> NoteSigner:
    """Make a new key in a file that isn't there yet, durably. Raises LogKeyExists, LogKeyUnusable."""
    try:
        make_folder(path.parent)
        write_new(path, base64.b64encode(os.urandom(KEY_BYTES)) + b"\n", _MODE)
    except FileExistsError as exc:
        raise LogKeyExists(path=path) from exc
    except OSError as exc:
        raise LogKeyUnusable("The signing key file can't be made.", path=path, reason=_reason(exc)) from exc
    return load_signer(path, name, kind)


def load_signer(path: Path, name: str, kind: int = PLAIN) -> NoteSigner:
    """Signs as `name`. Raises LogKeyMissing, LogKeyUnusable."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError) as exc:
        raise LogKeyMissing(path=path) from exc
    except OSError as exc:
        raise LogKeyUnusable(path=path, reason=_reason(exc)) from exc
    try:
        _check(path, os.fstat(descriptor))
        return NoteSigner(name, kind, _seed(path, os.read(descriptor, _MOST_BYTES)))
    finally:
        os.close(descriptor)


def _check(path: Path, status: os.stat_result) -> None:
    """Of the opened file, not of the path: nobody can swap it in between."""
    if not stat.S_ISREG(status.st_mode):
        raise LogKeyUnusable(path=path, reason="not a regular file")
    if status.st_uid != os.geteuid():
        raise LogKeyUnusable(path=path, reason="belongs to another user")
    if stat.S_IMODE(status.st_mode) & ~_MODE:
        raise LogKeyUnusable(path=path, reason=f"open to others: mode {stat.S_IMODE(status.st_mode):04o}")


def _seed(path: Path, text: bytes) -> bytes:
    try:
        seed = base64.b64decode(text.strip(b" \t\r\n"), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise LogKeyUnusable(path=path, reason="not base64") from exc
    if len(seed) != KEY_BYTES or len(set(seed)) == 1:
        raise LogKeyUnusable(path=path, reason="not 32 random bytes")
    return seed


def _reason(error: OSError) -> str:
    return os.strerror(error.errno or 0)
