"""How the pictures look: sizes, shades and signs.

Everything is told apart by shape, dash or place first and by shade second, so that a grey copy says the same. Contrast
to white (WCAG 2.2, 1.4.3 and 1.4.11): text at least 4.5 : 1, marks that carry meaning at least 3 : 1; tests hold both.
"""

WIDTH = 540
"""Outer width in pixels. At half an A4 page (85 mm) a text of 14 pixels prints at 6.2 points."""

FONT = "Liberation Sans, Arial, Helvetica, sans-serif"
"""vl-convert carries Liberation Sans, whose widths are Arial's: the same picture on every machine."""

TEXT_PX = 14
TITLE_PX = 17

PAPER = "#ffffff"
INK = "#1b1b1b"
MUTED = "#4a4f57"
LINE = "#1f4e79"
ALERT = "#a33b00"
EDGE = "#6a7480"
SPREAD = "#7f8ea3"
"""Bars from the lowest to the highest value, and other filled marks that carry meaning."""
GRID = "#d9dde2"
BAND = "#e3e8ee"
"""Fills that only repeat what an edge in a stronger shade says."""

TEXT_COLOURS = (INK, MUTED, LINE, ALERT)
MARK_COLOURS = (INK, MUTED, LINE, ALERT, EDGE, SPREAD)

DOT = "circle"
SQUARE = "square"
DIAMOND = "diamond"
UP = "triangle-up"
DOWN = "triangle-down"
RIGHT = "triangle-right"
CROSS = "M-.8,-.8L.8,.8M.8,-.8L-.8,.8"

SOLID: tuple[int, ...] = ()
DASHED = (6, 4)
DOTTED = (2, 3)


_BOLD = 1.09
"""Bold Arial is at most so much wider."""
_WIDTHS = {
    char: width / 1000
    for width, chars in (
        (222, "ijl'"),
        (278, "ft/ ,.:;![]I\\|"),
        (333, "r()-`{}"),
        (389, '*"'),
        (500, "cksvxyzJ"),
        (556, "abdeghnopquL0123456789?_#$"),
        (611, "FTZ+<=>~^\u2212\u2265\u2264\u00b1"),
        (667, "ABEKPSVXY&"),
        (722, "CDHNRUw"),
        (778, "GOQ"),
        (889, "mM%"),
        (1015, "W@\u2026"),
    )
    for char in chars
}
"""Advance widths of Arial in ems, rounded up to groups (Adobe's font metrics of Helvetica, whose widths Arial shares)."""


def text_px(text: str, size: float = TEXT_PX, *, bold: bool = False) -> float:
    """The width of `text` in pixels; what Arial's Latin doesn't hold counts 0.75 em, wide scripts an em."""
    ems = sum(_WIDTHS.get(char, 1.0 if ord(char) > 0x2E7F else 0.75) for char in text)
    return size * ems * (_BOLD if bold else 1)


def shortened(text: str, room_px: float, size: float = TEXT_PX, *, bold: bool = False) -> str:
    """`text` on one line, cut with an ellipsis where it would pass `room_px`."""
    line = " ".join(text[:400].split())
    if text_px(line, size, bold=bold) <= room_px and len(text) <= 400:
        return line
    used, kept = size, 0
    for char in line:
        used += text_px(char, size, bold=bold)
        if used > room_px:
            break
        kept += 1
    return line[:kept].rstrip() + "…"


_FORCED = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Unicode's embeddings, overrides and isolates of direction (UAX #9, 2)."""


def printable(text: str) -> str:
    """`text` without what XML 1.0 can't hold: control characters, halves of surrogate pairs, non-characters; and without
    what forces a direction on letters, by which a drawing would read otherwise than the record: "A" and "evil" as "Alive".

    Everything that is drawn passes here: vl-convert ends the whole process when it measures a control character.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(char for char in text if char in "\t\n" or (char not in _FORCED and _allowed(ord(char))))


def _allowed(code: int) -> bool:
    return 0x20 <= code < 0x7F or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or 0x10000 <= code <= 0x10FFFF


def side_px(spacing_px: float, most: float = 9.5) -> float:
    """How wide a sign may be when its neighbours lie so far apart: white stays between them as long as it can."""
    return min(most, max(0.75 * spacing_px, 3.0))


def apart(places: list[float], distance: float, low: float, high: float) -> list[float]:
    """The places moved as little as needed, in their order, so that none is nearer to the next than `distance`."""
    order = sorted(range(len(places)), key=lambda index: places[index])
    moved = list(places)
    floor = low
    for index in order:
        moved[index] = max(places[index], floor)
        floor = moved[index] + distance
    ceiling = high
    for index in reversed(order):
        moved[index] = min(moved[index], ceiling)
        ceiling = moved[index] - distance
    return moved
