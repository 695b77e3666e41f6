"""Reports on paper: PDF/UA-1 (ISO 14289-1) set by typst, in memory, the same bytes for the same data.

Nothing is written to disk: template, data and pictures reach the compiler as bytes. No date of making stands in the file.
"""

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from adapters.pictures import words
from adapters.pictures.altair import AltairPictures
from adapters.pictures.document import document
from adapters.pictures.glyphs import COMMON, MISSING, SAFE, Glyphs
from adapters.pictures.writer import Block
from domain.ports.pictures import Heading, Picture, PictureFormat, Pictures
from domain.progress.report import Report

FAMILIES = ("Libertinus Serif", "New Computer Modern", "DejaVu Sans Mono")
"""Embedded in typst: Latin, Greek, Cyrillic, Hebrew, Arabic, Devanagari; neither Chinese, Japanese, Korean nor emoji."""

_ALWAYS = SAFE | frozenset("\n\u2013\u2212\u2026\u201c\u201d\u2265\u2264\u00b1")
"""Latin, and the signs that reports themselves use."""


class TypstPrinter:
    """Fulfils `domain.ports.pictures.ReportPrinter`. Any thread may print.

    `fonts` are folders with fonts of further scripts; without them what the embedded fonts lack is printed as a box, and the
    report says so. Fonts installed on the system are never used: they would make another document of the same data.
    """

    def __init__(self, pictures: Pictures | None = None, fonts: Sequence[Path] = ()) -> None:
        self._pictures = pictures or AltairPictures()
        self._folders = [str(folder) for folder in fonts]

    def pdf(self, report: Report, heading: Heading) -> bytes:
        content = document(report, heading, self._draw)
        legible = self._legible(content)
        # Characters that are each known may still be refused together: in drawings those of scripts that join letters
        # (PDF/UA-1 wants their code points, which only running text gets), and anywhere by a panic of the text shaper.
        with suppress(*_failures()):
            return self._compile(legible)
        with suppress(*_failures()):
            return self._compile(_latin(legible, drawings_only=True))
        return self._compile(_latin(content))

    def warm(self) -> None:
        """Load compiler and fonts, so that the first reader needn't wait."""
        self._glyphs.learn(COMMON)

    def _draw(self, picture: Picture, report: Report) -> tuple[str, str]:
        drawing = self._pictures.draw(picture, PictureFormat.SVG, report)
        return drawing.body.decode(), drawing.alt

    @cached_property
    def _fonts(self) -> Any:
        import typst  # noqa: PLC0415 - a compiler that only who prints should load

        return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True, font_paths=self._folders)

    @cached_property
    def _further(self) -> list[str]:
        return sorted(set(self._fonts.families()) - set(FAMILIES)) if self._folders else []

    @cached_property
    def _glyphs(self) -> Glyphs:
        return Glyphs(self._fonts, [*FAMILIES, *self._further])

    @cached_property
    def _template(self) -> bytes:
        return resources.files("adapters.pictures").joinpath("report.typ").read_bytes()

    def _legible(self, content: Block) -> Block:
        """Every string as the fonts can show it, and a note where something stands in for what they can't."""
        self._glyphs.learn(_strings(content))
        missing = 0

        def shown(key: str, text: str) -> str:
            nonlocal missing
            kept, count = self._glyphs.shown(text, broken=key != "svg")
            missing += count
            return kept

        legible: Block = _mapped(content, shown)
        return {**legible, "notes": [_note(missing)] if missing else []}

    def _compile(self, content: Block) -> bytes:
        import typst  # noqa: PLC0415 - as above

        made = typst.compile(
            self._template,
            font_paths=self._fonts,
            ignore_system_fonts=True,
            sys_inputs={"data": json.dumps({**content, "further": self._further}, ensure_ascii=False)},
            format="pdf",
            pdf_standards=["ua-1"],
        )
        if not isinstance(made, bytes):
            raise TypeError("typst made no single PDF")
        return made


def _note(missing: int) -> str:
    were = words.count(missing, "character is", "characters are")
    return (
        f"{were} printed as {MISSING}, because the fonts of this installation don't hold them. The record keeps them "
        "unchanged; an operator can add fonts for further scripts."
    )


def _failures() -> tuple[type[BaseException], ...]:
    """What typst raises for text it can't set: its error, and a panic of its Rust code, which isn't an Exception."""
    import typst  # noqa: PLC0415 - as above

    return (typst.TypstError, *(kind for kind in BaseException.__subclasses__() if kind.__name__ == "PanicException"))


def _latin(content: Block, *, drawings_only: bool = False) -> Block:
    """Latin alone, anything else a box: this can always be set. `drawings_only` leaves running text as it is."""
    missing = 0

    def latin(key: str, text: str) -> str:
        nonlocal missing
        if drawings_only and key != "svg":
            return text
        kept = "".join(char if char in _ALWAYS else MISSING for char in text)
        missing += kept.count(MISSING) - text.count(MISSING)
        return kept

    plain: Block = _mapped(content, latin)
    notes = [*(content.get("notes", []) if drawings_only else []), *([_note(missing)] if missing else [])]
    return {**plain, "notes": notes}


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    values = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in values for text in _strings(part)]


def _mapped(value: Any, change: Callable[[str, str], str], key: str = "") -> Any:
    """The same data with every string changed, given the key it stands under; keys are ours."""
    if isinstance(value, str):
        return change(key, value)
    if isinstance(value, dict):
        return {name: _mapped(part, change, name) for name, part in value.items()}
    return [_mapped(part, change, key) for part in value] if isinstance(value, list) else value
