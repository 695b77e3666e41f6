"""Specifications into SVG and PNG with vl-convert, and the words that stand for a picture into both."""

import struct
import zlib
from xml.sax.saxutils import escape, quoteattr

import orjson

from adapters.pictures import theme
from adapters.pictures.chart import Row
from adapters.pictures.sheet import Sheet

SCALE = 1.5
"""Pixels of a PNG for one of the drawing: 810 across, sharp on most screens."""
_PNG_START = 8
_HEADER_BYTES = 25
_END = "</g></svg>"
_ANCHORS = {"left": "start", "center": "middle", "right": "end"}


def svg(sheet: Sheet, alt: str) -> str:
    """The drawing as SVG 1.1: no script, nothing fetched, one image to a screen reader."""
    import vl_convert  # noqa: PLC0415 - brings a JavaScript engine that only who draws should pay for

    # Vega measures each word of a layer twice (1 ms each), which moves nothing here: half a picture's time.
    drawn = vl_convert.vega_to_svg(sheet.compiled(wordless=True), allowed_base_urls=[])
    head, close, body = drawn.partition(">")
    body = body.removesuffix(_END) + "".join(map(_word, sheet.words())) + _END
    words = f"<title>{escape(sheet.title)}</title><desc>{escape(alt)}</desc>"
    return f'{head} role="img" aria-label={quoteattr(alt)}{close}{words}{body}'


def _word(placed: tuple[float, float, Row]) -> str:
    x, y, row = placed
    bold = ' font-weight="bold"' if row["weight"] == "bold" else ""
    return (
        f'<text text-anchor="{_ANCHORS[row["align"]]}" transform="translate({x:.2f},{y:.2f})" font-family="{theme.FONT}" '
        f'font-size="{row["size"]}px"{bold} fill="{row["colour"]}">{escape(row["text"])}</text>'
    )


def png(drawing: str, alt: str) -> bytes:
    """The same drawing as pixels, its words in an iTXt chunk (PNG, third edition, 11.3.3.4)."""
    import vl_convert  # noqa: PLC0415 - as above

    pixels = vl_convert.svg_to_png(drawing, scale=SCALE)
    content = b"Description\0\0\0en\0\0" + alt.encode()
    chunk = struct.pack(">I", len(content)) + b"iTXt" + content + struct.pack(">I", zlib.crc32(b"iTXt" + content))
    place = _PNG_START + _HEADER_BYTES
    return pixels[:place] + chunk + pixels[place:]


def specification(sheet: Sheet, alt: str) -> bytes:
    """The specification with its words, as a page wants it that draws it itself."""
    return orjson.dumps({**sheet.specification(), "description": alt})
