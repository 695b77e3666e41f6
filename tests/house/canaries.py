"""Words that occur nowhere else, and a search that finds them as they are and as programs tend to write them."""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from secrets import token_hex
from typing import Final

_MARK_BYTES: Final = 9


class Canaries:
    """Every word begins with one mark that was made for this run, so that one search finds all of them."""

    def __init__(self) -> None:
        self.mark = f"q{token_hex(_MARK_BYTES)}"
        self.words: list[str] = []

    def sing(self) -> str:
        """A new word: lower-case letters and digits, so that it may stand in a name, a login or a URL."""
        self.words.append(f"{self.mark}n{len(self.words):03d}")
        return self.words[-1]

    def heard_in(self, sounds: Iterable[tuple[str, bytes]]) -> list[str]:
        """Where the mark stands, in which form, and the word as far as it can be read there; empty if nowhere."""
        forms = dict(written_forms(self.mark))
        return [
            f"{where}: {form}: {content[at : at + len(pattern) + 8]!r}"
            for where, content in sounds
            for form, pattern in forms.items()
            if (at := content.find(pattern)) >= 0
        ]


def written_forms(word: str) -> Iterator[tuple[str, bytes]]:
    """`word` is ASCII: as UTF-8, in JSON and in URLs it looks the same."""
    raw = word.encode("ascii")
    yield "as it is", raw
    yield "in capitals", raw.upper()
    yield "backwards", raw[::-1]
    yield "hex", raw.hex().encode()
    yield "capital hex", raw.hex().upper().encode()
    yield "UTF-16", word.encode("utf-16-le")
    yield "UTF-16, big-endian", word.encode("utf-16-be")
    yield "JSON escapes", "".join(f"\\u{ord(char):04x}" for char in word).encode()
    yield "list of numbers", ", ".join(map(str, raw)).encode()
    yield "short list of numbers", ",".join(map(str, raw)).encode()
    for before in range(3):
        # What a character encodes depends on where the word begins; its edges depend on its neighbours, and are left out.
        coded = b64encode(bytes(before) + raw)
        yield f"base64 after {before}", coded[(before * 4 + 2) // 3 : len(coded) - 4]


def files_under(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below, by its name; the name itself is searched too."""
    for path in sorted(folder.rglob("*")):
        yield f"name of {path}", str(path.relative_to(folder)).encode()
        if path.is_file():
            yield str(path), path.read_bytes()


def texts_in(value: object) -> Iterator[str]:
    """Every string of a JSON document, keys included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield name
            yield from texts_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item)
