"""What the fonts can show. PDF/UA-1 allows no missing character (ISO 14289-1, 7.21.8): one stands in for those."""

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

MISSING = "\u25af"
"""A white upright box: what readers know as a character that can't be shown."""
LONGEST_WORD = 40
SAFE = frozenset(map(chr, range(0x20, 0x7F))) | frozenset(map(chr, range(0xA1, 0x17F))) - {"\u00ad"}
"""Printable ASCII and Latin, which the embedded fonts hold."""
COMMON = frozenset("\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u2212\u2264\u2265")
"""Dashes, quotation marks, an ellipsis, a minus and comparisons: what our own sentences use beside Latin."""
_BREAK = "\u200b"
_LINES = re.compile(r"\r\n?|[\u0085\u2028\u2029\x0b\x0c]")
_LONG = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")
_PROBE = b"#set document(title: [Probe])\n#set text(font: ($FONTS), fallback: true)\n#for some in json(bytes(sys.inputs.data)) { par(some) }\n"
_REFUSED = re.compile(r'the text `"(.*?)"` could not be displayed')
_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}")


class Glyphs:
    """Knows what the fonts show, by asking typst once for each character with its marks that a report brings along."""

    def __init__(self, fonts: Any, families: Iterable[str]) -> None:
        """`fonts` is a `typst.Fonts`, `families` the names in the order in which the template asks for them."""
        self._fonts = fonts
        self._probe = _PROBE.replace(b"$FONTS", ", ".join(map(json.dumps, families)).encode() + b",")
        self._known: dict[str, bool] = {"\n": True}
        # Texts of these alone are shown as they are: no form of Unicode to choose, nothing to join, nothing to ask.
        self._fine = SAFE | {"\n"}

    def learn(self, texts: Iterable[str]) -> None:
        """Ask about what these texts hold and none before did (25 µs each)."""
        strange = [text for text in texts if not self._fine.issuperset(text)]
        new = sorted({cluster for text in strange for cluster in _clusters(_plain(text))} - SAFE - self._known.keys())
        if new:
            refused = self._refused(new)
            for cluster in new:
                self._known[cluster] = not any(part in refused for part in _parts(cluster))
            self._fine |= {char for char in COMMON if self._known.get(char)}

    def _refused(self, clusters: list[str]) -> set[str]:
        """What typst names as not to be displayed, all of it in one go."""
        import typst  # noqa: PLC0415 - a compiler that only who prints should load

        try:
            typst.compile(
                self._probe,
                font_paths=self._fonts,
                ignore_system_fonts=True,
                sys_inputs={"data": json.dumps(clusters)},
                format="pdf",
                pdf_standards=["ua-1"],
            )
        except typst.TypstError as error:
            return {_ESCAPE.sub(_unescaped, named) for named in _REFUSED.findall(error.diagnostic)}
        return set()

    def _good(self, cluster: str) -> bool:
        return cluster in SAFE or self._known.get(cluster, False)

    def shown(self, text: str, *, broken: bool = True) -> tuple[str, int]:
        """`text` as the fonts can show it, with how many characters a box stands in for.

        `broken` lets very long words break, which drawings must not.
        """
        count = 0
        if not self._fine.issuperset(text):
            text = _plain(text)
            if not all(self._good(char) for char in set(text)):
                kept = [(cluster, self._good(cluster)) for cluster in _clusters(text)]
                count = sum(not good for _, good in kept)
                text = "".join(cluster if good else MISSING for cluster, good in kept)
        return (_LONG.sub(_breakable, text) if broken else text), count


def _plain(text: str) -> str:
    """One form of Unicode, one kind of space and of line's end, nothing that is silent.

    Left out are controls, marks of direction (they could make a text read otherwise than it was stored) and variations.
    """
    composed = unicodedata.normalize("NFC", _LINES.sub("\n", text))
    # A drawing has 80,000 characters and 80 different ones: look at those before walking over all.
    return composed.translate(_TABLE) if any(_TABLE[ord(char)] != char for char in set(composed)) else composed


class _Table(dict[int, str]):
    """What becomes of each character, found out once."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        kind = unicodedata.category(char)
        if char == "\n":
            made = char
        elif char == "\t" or kind == "Zs":
            made = " "
        elif kind in {"Cc", "Cf"} or 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF:
            made = ""
        else:
            # Halves of pairs, private and unassigned characters have no shape that all readers would share.
            made = MISSING if kind in {"Cs", "Co", "Cn"} else char
        self[code] = made
        return made


_TABLE = _Table()


def _clusters(text: str) -> Iterable[str]:
    """Characters with the marks that sit on them."""
    if not any(unicodedata.combining(char) or unicodedata.category(char)[0] == "M" for char in set(text)):
        return text
    clusters: list[str] = []
    for char in text:
        if clusters and unicodedata.category(char)[0] == "M":
            clusters[-1] += char
        else:
            clusters.append(char)
    return clusters


def _parts(cluster: str) -> Iterator[str]:
    """All runs of a cluster's first characters, of which one is what typst names."""
    some = cluster[:8]
    return (some[a:b] for a in range(len(some)) for b in range(a + 1, len(some) + 1))


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found.group(1), 16))


def _breakable(word: re.Match[str]) -> str:
    return word.group() + _BREAK
