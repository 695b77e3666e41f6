"""Looking through a list of codes held in memory."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final

from domain.ports.codes import CodeEntry

_WORD: Final = re.compile(r"\w+")
_CATEGORY: Final = 3
_MENTAL: Final = "F"
"""Chapter 5 of the ICD-10-CM, mental, behavioral and neurodevelopmental disorders: F01-F99."""


class CodeList:
    """A release of a list whose codes sort as published. About 40 ms to look through 98,000 descriptions."""

    def __init__(self, edition: str, entries: Iterable[CodeEntry]) -> None:
        ordered = sorted(((_key(entry.code), entry) for entry in entries), key=itemgetter(0))
        self.edition = edition
        # Parallel: codes without their dot, what they are, and the words of their descriptions.
        self._keys = tuple(key for key, _ in ordered)
        self._entries = tuple(entry for _, entry in ordered)
        self._words = tuple(_words(entry.description) for entry in self._entries)

    def find(self, code: str) -> CodeEntry | None:
        key = _key(code)
        place = bisect_left(self._keys, key)
        return self._entries[place] if place < len(self._keys) and self._keys[place] == key else None

    def below(self, code: str, limit: int) -> Sequence[CodeEntry]:
        found = self.find(code)
        return () if found is None or found.billable else self._diagnoses(_key(code), limit)

    def near(self, code: str, limit: int) -> Sequence[CodeEntry]:
        key = _key(code)
        found: dict[str, CodeEntry] = {}
        for length in range(len(key), _CATEGORY - 1, -1):
            found |= {entry.code: entry for entry in self._diagnoses(key[:length], limit)}
        return tuple(found.values())[:limit]

    def search(self, query: str, limit: int) -> Sequence[CodeEntry]:
        key = _key(query)
        begins = tuple(islice(self._beginning(key), limit)) if key else ()
        return begins or self._described(_WORD.findall(query.casefold()), limit)

    def _diagnoses(self, key: str, limit: int) -> Sequence[CodeEntry]:
        return tuple(islice((entry for entry in self._beginning(key) if entry.billable), limit))

    def _beginning(self, key: str) -> Iterator[CodeEntry]:
        for place in range(bisect_left(self._keys, key), len(self._keys)):
            if not self._keys[place].startswith(key):
                return
            yield self._entries[place]

    def _described(self, words: Sequence[str], limit: int) -> Sequence[CodeEntry]:
        if not words:
            return ()
        places = [place for place, text in enumerate(self._words) if all(f" {word}" in text for word in words)]
        places.sort(key=lambda place: (self._keys[place][0] != _MENTAL, len(self._words[place]), place))
        return tuple(self._entries[place] for place in places[:limit])


def _key(code: str) -> str:
    return code.strip().upper().replace(".", "", 1)


def _words(text: str) -> str:
    """Small letters, each word after one space, so that the beginning of a word can be found by the space before it."""
    return " " + " ".join(_WORD.findall(text.casefold()))
