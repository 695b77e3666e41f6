"""A file of passwords known to be stolen, searched where it lies: some hold a thousand million, 40 GB of lines.

The form is that of Have I Been Pwned's downloads ordered by hash: a line a password, its SHA-1 in hexadecimal, with or
without `:COUNT` after it. SHA-1 protects nothing here: it is how the list names what everybody may know.
"""

import os
import re
from hashlib import sha1
from pathlib import Path
from typing import Final

from domain.ports.identity import BreachedListUnreadable

_DIGITS: Final = 40
_LINE_MOST: Final = 64
"""Longer than any line: the digest, a colon, a count and the end of the line."""
_LINE: Final = re.compile(rb"[0-9A-Fa-f]{40}(:\d{1,20})?\s*")


class BreachedFile:
    """Satisfies domain.ports.identity.BreachedPasswords. Opened anew for every search: the file may be replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def holds(self, password: str) -> bool:
        """About forty short reads of a file however long. A word before and after NFKC is the same here: it comes prepared."""
        digest = sha1(password.encode(), usedforsecurity=False).hexdigest().upper().encode()
        try:
            file = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            raise BreachedListUnreadable(reason=type(exc).__name__) from None
        try:
            return _found(file, os.fstat(file).st_size, digest)
        except OSError as exc:
            raise BreachedListUnreadable(reason=type(exc).__name__) from None
        finally:
            os.close(file)


def _found(file: int, size: int, digest: bytes) -> bool:
    """Bytes before `low` belong to smaller digests, lines that begin at `high` or later to greater ones."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        start, line = _line_from(file, middle, low)
        if start >= high or not line:
            high = middle
            continue
        found = line[:_DIGITS].upper()
        if found == digest:
            return True
        if found < digest:
            low = start + len(line)
        else:
            high = middle
    return False


def _line_from(file: int, offset: int, low: int) -> tuple[int, bytes]:
    """The first whole line that begins at `offset` or after it, and where; `low` is where a line begins for certain."""
    start = offset
    if offset > low:
        # From one byte before: a line that begins just here must be seen to begin.
        before = os.pread(file, _LINE_MOST, offset - 1)
        end = before.find(b"\n")
        if end < 0:
            if len(before) >= _LINE_MOST:
                raise BreachedListUnreadable(reason="line_too_long")
            return offset + len(before), b""
        start = offset + end
    line = os.pread(file, _LINE_MOST, start)
    line, newline, _ = line.partition(b"\n")
    if line.strip() and not _LINE.fullmatch(line):
        raise BreachedListUnreadable(reason="not_a_digest")
    return start, line + newline
