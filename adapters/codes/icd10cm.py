"""ICD-10-CM as the package simple-icd-10-cm carries it: the list that the CDC's NCHS publishes, in the public domain.

Reading the package's files takes about two seconds and is done when a code is asked for first, never when a process starts.
"""

import gc
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import import_module, resources
from threading import Lock
from typing import Any, Final

from adapters.codes.listing import CodeList
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


class CodeListUnreadable(Misconfigured):
    code = "code_list_unreadable"
    message = "The package simple-icd-10-cm is there, but its list is not where this version expects it."
    hint = "Install the version that the project pins."


_READING: Final = Lock()


class Icd10Cm:
    """Safe for threads: whoever comes while the list is being read waits for it. One list a process."""

    @property
    def edition(self) -> str:
        return self._list().edition

    def find(self, code: str) -> CodeEntry | None:
        return self._list().find(code)

    def below(self, code: str, limit: int) -> Sequence[CodeEntry]:
        return self._list().below(code, limit)

    def near(self, code: str, limit: int) -> Sequence[CodeEntry]:
        return self._list().near(code, limit)

    def search(self, query: str, limit: int) -> Sequence[CodeEntry]:
        return self._list().search(query, limit)

    @staticmethod
    def _list() -> CodeList:
        with _READING:
            return _read()


@cache
def _read() -> CodeList:
    """Raises CodeListUnreadable."""
    with _uncollected():
        entries, edition = _entries(), _edition()
        codes = CodeList(edition, entries)
    _forget()
    return codes


def _entries() -> Sequence[CodeEntry]:
    """All but chapters and ranges. A few descriptions hold tabs."""
    package = _imported()
    return [
        CodeEntry(
            code=code,
            description=" ".join(package.get_description(code).split()),
            billable=bool(package.is_leaf(code)),
        )
        for code in package.get_all_codes(True)
        if not package.is_chapter_or_block(code)
    ]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Half a million objects that all stay for now: the collector would walk over them, and over all others, for nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _imported() -> Any:
    with warnings.catch_warnings():
        # The package opens its files in a way that Python 3.11 calls deprecated, and 3.13 no longer does.
        warnings.simplefilter("ignore", DeprecationWarning)
        return import_module(_PACKAGE)


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
