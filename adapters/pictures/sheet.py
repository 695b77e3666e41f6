"""A sheet of marks on one plane, told as an Altair chart.

Pictures put areas, rules, lines, signs and words on the sheet in units of their axes; the sheet makes one layer of each,
with the data as named datasets beside the specification, where a page that draws it finds them too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from adapters.pictures import theme
from adapters.pictures.chart import AREAS, LINES, RULES, SIGNS, WORDS, Row, chart, compiled

Align = Literal["left", "center", "right"]


@dataclass(frozen=True, slots=True)
class Axis:
    """`ticks` are (place, label)."""

    low: float
    high: float
    ticks: Sequence[tuple[float, str]] = ()
    title: str = ""


@dataclass(frozen=True, slots=True)
class Frame:
    """Outer edges in pixels around a plane of `height`; its width is what the edges leave of `theme.WIDTH`."""

    height: int
    left: int = 40
    right: int = 20
    top: int = 62
    bottom: int = 56

    @property
    def width(self) -> int:
        return theme.WIDTH - self.left - self.right


@dataclass(slots=True)
class Sheet:
    """`y` counts upwards, as scores do. Pixels count rightwards and upwards too."""

    title: str
    subtitle: Sequence[str]
    frame: Frame
    x: Axis
    y: Axis
    rows: dict[str, list[Row]] = field(
        default_factory=lambda: {name: [] for name in (AREAS, RULES, LINES, SIGNS, WORDS)}
    )

    def __post_init__(self) -> None:
        """Draws the grid, the headings above the plane, and the labels of both axes.

        They are words like all others: Vega would measure each of them, and move headings by what lies under them. A date
        that would be cut off at an edge keeps its tick without its label.
        """
        self.title = theme.printable(self.title)
        left, top = self.x.low - self.dx(self.frame.left - 8), self.y.high + self.dy(self.frame.top)
        title = theme.shortened(self.title, theme.WIDTH - 16, theme.TITLE_PX, bold=True)
        self.word(left, top - self.dy(20), title, size=theme.TITLE_PX, bold=True)
        for number, line in enumerate(self.subtitle):
            text = theme.shortened(line, theme.WIDTH - 16)
            self.word(left, top - self.dy(43 + 18 * number), text, colour=theme.MUTED)
        for place, label in self.y.ticks:
            self.across(place, colour=theme.GRID)
            self.word(self.x.low - self.dx(7), place, label, colour=theme.MUTED, align="right")
        for place, label in self.x.ticks:
            if self._fits(place, label):
                self.word(place, self.y.low - self.dy(17), label, colour=theme.MUTED, align="center")
        if self.x.title:
            middle, below = (self.x.low + self.x.high) / 2, self.y.low - self.dy(37)
            self.word(middle, below, self.x.title, colour=theme.MUTED, align="center")

    def _fits(self, place: float, label: str) -> bool:
        middle, half = (place - self.x.low) / self.dx(1), theme.text_px(label) / 2
        return middle - half >= -self.frame.left and middle + half <= self.frame.width + self.frame.right

    def dx(self, pixels: float) -> float:
        """So many pixels in units of x."""
        return pixels * (self.x.high - self.x.low) / self.frame.width

    def dy(self, pixels: float) -> float:
        """So many pixels in units of y."""
        return pixels * (self.y.high - self.y.low) / self.frame.height

    def area(self, x: float, x2: float, y: float, y2: float, *, fill: str) -> None:
        self.rows[AREAS].append({"x": x, "x2": x2, "y": y, "y2": y2, "fill": fill})

    def rule(  # noqa: PLR0913 - two ends and how it looks
        self,
        x: float,
        x2: float,
        y: float,
        y2: float,
        *,
        colour: str = theme.EDGE,
        width: float = 1,
        dash: Sequence[int] = theme.SOLID,
    ) -> None:
        self.rows[RULES].append(
            {"x": x, "x2": x2, "y": y, "y2": y2, "colour": colour, "width": width, "dash": list(dash)}
        )

    def across(
        self, y: float, *, colour: str = theme.EDGE, width: float = 1, dash: Sequence[int] = theme.SOLID
    ) -> None:
        """A rule over the whole width."""
        self.rule(self.x.low, self.x.high, y, y, colour=colour, width=width, dash=dash)

    def line(self, points: Sequence[tuple[float, float]], *, colour: str = theme.LINE) -> None:
        """Joined points; another call begins another line."""
        run = f"{len(self.rows[LINES])}"
        self.rows[LINES].extend({"x": x, "y": y, "run": run, "colour": colour} for x, y in points)

    def sign(  # noqa: PLR0913 - a place and how it looks
        self,
        x: float,
        y: float,
        shape: str,
        *,
        fill: str = theme.LINE,
        colour: str = theme.LINE,
        size: float = 50,
        width: float = 1.5,
    ) -> None:
        """`size` is the area in square pixels."""
        self.rows[SIGNS].append(
            {"x": x, "y": y, "shape": shape, "fill": fill, "colour": colour, "size": size, "width": width}
        )

    def word(  # noqa: PLR0913 - a place and how it looks
        self,
        x: float,
        y: float,
        text: str,
        *,
        colour: str = theme.INK,
        align: Align = "left",
        size: int = theme.TEXT_PX,
        bold: bool = False,
    ) -> None:
        """One line of text whose middle lies at `y`."""
        weight = "bold" if bold else "normal"
        self.rows[WORDS].append(
            {
                "x": x,
                "y": y,
                "text": theme.printable(text),
                "colour": colour,
                "align": align,
                "size": size,
                "weight": weight,
            }
        )

    def specification(self) -> Row:
        """The Vega-Lite specification: Altair's chart for these kinds of marks, with this sheet's values and data."""
        written = chart(self.used)
        values = {**_parameters("x", self.x), **_parameters("y", self.y)}
        return {
            **written,
            **self.edges(),
            "params": [{"name": name, "value": value} for name, value in values.items()],
            "datasets": {name: self.rows[name] for name in self.used},
        }

    def compiled(self, *, wordless: bool = False) -> Row:
        """The same as Vega. Vega-Lite is compiled once a process for each choice of marks (7 ms of a picture's 30).

        `wordless` leaves the words out, for who sets them from `words`.
        """
        written = compiled(tuple(name for name in self.used if not (wordless and name == WORDS)))
        values = {**_parameters("x", self.x), **_parameters("y", self.y)}
        return {
            **written,
            **self.edges(),
            "signals": [
                {**signal, "value": values[signal["name"]]} if signal["name"] in values else signal
                for signal in written["signals"]
            ],
            "data": [
                {**data, "values": self.rows[data["name"]]} if data["name"] in self.rows else data
                for data in written["data"]
            ],
        }

    def words(self) -> Iterator[tuple[float, float, Row]]:
        """Each word with its place in pixels from the plane's upper left corner, y on its base line, as Vega places it."""
        for row in self.rows[WORDS]:
            x = (row["x"] - self.x.low) / self.dx(1)
            y = self.frame.height - (row["y"] - self.y.low) / self.dy(1)
            yield x, y + round(0.3 * row["size"]), row

    @property
    def used(self) -> tuple[str, ...]:
        """The kinds of marks on the sheet, in the order in which they are drawn."""
        return tuple(name for name, rows in self.rows.items() if rows)

    def edges(self) -> Row:
        """The size, as Vega and Vega-Lite both name it."""
        frame = self.frame
        padding = {"left": frame.left, "right": frame.right, "top": frame.top, "bottom": frame.bottom}
        return {"width": frame.width, "height": frame.height, "padding": padding}


def _parameters(name: str, axis: Axis) -> Row:
    return {
        f"{name}_low": axis.low,
        f"{name}_high": axis.high,
        f"{name}_places": [place for place, _ in axis.ticks],
    }
