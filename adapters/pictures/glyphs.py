"""What the fonts can show. PDF/UA-1 allows no missing character (ISO 14289-1, 7.21.8): one stands in for those."""

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

MISSING = "\u25af"
"""A white upright box: what readers know as a character that can't be shown."""
LONGEST_WORD = 40
SAFE = frozenset(map(chr, range(0x20, 0x7F))) | frozenset(map(chr, range(0xA1, 0x17F))) - {"\u00ad"}
"""Printable ASCII and Latin, which the embedded fonts hold."""
_BREAK = "\u200b"
_BLOCKED = frozenset({"Cc", "Cs", "Co", "Cn"})
_LINES = re.compile(r"\r\n?|[\u0085\u2028\u2029\x0b\x0c]")
_LONG = re.compile(rf"\S{{{LONGEST_WORD}}}(?=\S)")
_JOINERS = frozenset("\u200b\u200c\u200d\n")
_PROBE = b"#set text(font: ($FONTS), fallback: true)\n#for char in json(bytes(sys.inputs.data)) { par(char) }\n"


class Glyphs:
    """Knows which characters the fonts show, by asking typst once for each that a report brings along."""

    def __init__(self, fonts: Any, families: Iterable[str]) -> None:
        """`fonts` is a `typst.Fonts`, `families` the names in the order in which the template asks for them."""
        self._fonts = fonts
        self._probe = _PROBE.replace(b"$FONTS", ", ".join(map(json.dumps, families)).encode() + b",")
        self._known: dict[str, bool] = {}

    def learn(self, chars: Iterable[str]) -> None:
        """Ask about the characters not met before (25 µs each)."""
        new = sorted(char for char in set(chars) - SAFE - _JOINERS - self._known.keys() if not _blocked(char))
        if new:
            missing = self._missing(new)
            self._known.update((char, char not in missing) for char in new)

    def _missing(self, chars: list[str]) -> set[str]:
        import typst  # noqa: PLC0415 - a compiler that only who prints should load

        try:
            typst.compile(
                self._probe,
                font_paths=self._fonts,
                ignore_system_fonts=True,
                sys_inputs={"data": json.dumps(chars)},
                format="pdf",
                pdf_standards=["ua-1"],
            )
        except typst.TypstError as error:
            said = error.diagnostic
            return {char for char in chars if f'`"{char}"`' in said or f"\\u{{{ord(char):x}}}" in said}
        return set()

    def shown(self, text: str, *, broken: bool = True) -> tuple[str, int]:
        """`text` as the fonts can show it, in one form of Unicode, with how many characters something stands in for.

        `broken` lets very long words break, which drawings must not.
        """
        if text.isascii() and text.isprintable():
            return (_LONG.sub(_breakable, text) if broken else text), 0
        plain = unicodedata.normalize("NFC", _LINES.sub("\n", text))
        if all(char in SAFE or self._known.get(char, char in _JOINERS) for char in set(plain)):
            return (_LONG.sub(_breakable, plain) if broken else plain), 0
        count = 0
        kept = []
        for char in plain:
            if char in SAFE or self._known.get(char, char in _JOINERS):
                kept.append(char)
            elif char == "\t" or unicodedata.category(char) == "Zs":
                kept.append(" ")
            elif not _silent(char):
                kept.append(MISSING)
                count += 1
        whole = "".join(kept)
        return (_LONG.sub(_breakable, whole) if broken else whole), count


def _breakable(word: re.Match[str]) -> str:
    return word.group() + _BREAK


def _blocked(char: str) -> bool:
    return unicodedata.category(char) in _BLOCKED or _silent(char)


def _silent(char: str) -> bool:
    """Controls, marks of direction (which could make a text read otherwise than it was stored) and variation selectors."""
    return (
        unicodedata.category(char) in {"Cc", "Cf"}
        or "\ufe00" <= char <= "\ufe0f"
        or "\U000e0100" <= char <= "\U000e01ef"
    )
