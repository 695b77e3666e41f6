"""ICD-10-CM as the package simple-icd-10-cm carries it: the list that the CDC's NCHS publishes, in the public domain.

Reading the package's files takes about two seconds and is done when a code is asked for first, never when a process starts.
"""

import gc
import re
import sys
import warnings
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module, resources
from itertools import islice
from operator import itemgetter
from threading import Lock
from typing import Any, Final

from domain.errors import Misconfigured
from domain.ports.codes import CodeEntry

_PACKAGE: Final = "simple_icd_10_cm"
_RELEASE: Final = re.compile(r"code-list-([A-Z][a-z]+)-(\d{4})\.txt")
_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_WORD: Final = re.compile(r"\w+")
_CATEGORY: Final = 3
_MENTAL: Final = "F"
"""Chapter 5, mental, behavioral and neurodevelopmental disorders: F01-F99."""


class CodeListUnreadable(Misconfigured):
    code = "code_list_unreadable"
    message = "The package simple-icd-10-cm is there, but its list is not where this version expects it."
    hint = "Install the version that the project pins."


@dataclass(frozen=True, slots=True)
class _List:
    """Parallel by index, in the order of `keys`: codes without their dot. `sought` are the descriptions' words."""

    edition: str
    keys: Sequence[str]
    entries: Sequence[CodeEntry]
    sought: Sequence[str]


class Icd10Cm:
    """Safe for threads: whoever comes while the list is being read waits for it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._read: _List | None = None

    @property
    def edition(self) -> str:
        return self._list().edition

    def find(self, code: str) -> CodeEntry | None:
        codes, key = self._list(), _key(code)
        place = bisect_left(codes.keys, key)
        return codes.entries[place] if place < len(codes.keys) and codes.keys[place] == key else None

    def below(self, code: str, limit: int) -> Sequence[CodeEntry]:
        found = self.find(code)
        if found is None or found.billable:
            return ()
        return tuple(islice((each for each in self._beginning(_key(code)) if each.billable), limit))

    def near(self, code: str, limit: int) -> Sequence[CodeEntry]:
        key = _key(code)
        for length in range(len(key), _CATEGORY - 1, -1):
            found = tuple(islice((each for each in self._beginning(key[:length]) if each.billable), limit))
            if found:
                return found
        return ()

    def search(self, query: str, limit: int) -> Sequence[CodeEntry]:
        key = _key(query)
        begins = tuple(islice(self._beginning(key), limit)) if key else ()
        return begins or self._described(_WORD.findall(query.casefold()), limit)

    def _beginning(self, key: str) -> Iterator[CodeEntry]:
        codes = self._list()
        for place in range(bisect_left(codes.keys, key), len(codes.keys)):
            if not codes.keys[place].startswith(key):
                return
            yield codes.entries[place]

    def _described(self, words: Sequence[str], limit: int) -> Sequence[CodeEntry]:
        if not words:
            return ()
        codes = self._list()
        places = [place for place, text in enumerate(codes.sought) if all(f" {word}" in text for word in words)]
        places.sort(key=lambda place: (codes.keys[place][0] != _MENTAL, len(codes.sought[place]), place))
        return tuple(codes.entries[place] for place in places[:limit])

    def _list(self) -> _List:
        if self._read is None:
            with self._lock:
                if self._read is None:
                    self._read = _read()
        return self._read


def _key(code: str) -> str:
    return code.strip().upper().replace(".", "", 1)


def _words(text: str) -> str:
    """Small letters, each word after one space, so that the beginning of a word can be found by the space before it."""
    return " " + " ".join(_WORD.findall(text.casefold()))


def _read() -> _List:
    """Raises CodeListUnreadable."""
    entries, edition = _entries(), _edition()
    _forget()
    return _List(
        edition=edition,
        keys=tuple(key for key, _ in entries),
        entries=tuple(entry for _, entry in entries),
        sought=tuple(_words(entry.description) for _, entry in entries),
    )


def _entries() -> Sequence[tuple[str, CodeEntry]]:
    """All but chapters and ranges, by their keys."""
    package = _imported()
    return sorted(
        (
            (
                _key(code),
                CodeEntry(code=code, description=_one_line(package, code), billable=bool(package.is_leaf(code))),
            )
            for code in package.get_all_codes(True)
            if not package.is_chapter_or_block(code)
        ),
        key=itemgetter(0),
    )


def _imported() -> Any:
    with warnings.catch_warnings():
        # The package opens its files in a way that Python 3.11 calls deprecated, and 3.13 no longer does.
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(_PACKAGE)


def _one_line(package: Any, code: str) -> str:
    """A few descriptions hold tabs."""
    return " ".join(str(package.get_description(code)).split())


def _edition() -> str:
    """From the names of the package's files: nothing else in it tells the release."""
    for file in resources.files(f"{_PACKAGE}.data").iterdir():
        release = _RELEASE.fullmatch(file.name)
        if release is not None and release[1] in _MONTHS:
            return f"icd-10-cm/{release[2]}-{_MONTHS.index(release[1]) + 1:02}"
    raise CodeListUnreadable


def _forget() -> None:
    """Let go of the package's own tree with all of the list's notes: 150 MB that the process uses again for other things."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
    gc.collect()
