"""The chart behind every picture, written with Altair once a process for each choice of marks."""

from functools import cache
from typing import Any

from adapters.pictures import theme

VEGA_LITE = "6.4"
AREAS, RULES, LINES, SIGNS, WORDS = "areas", "rules", "lines", "signs", "words"
"""Kinds of marks, a named dataset and a layer each, in the order in which they are drawn."""
PARAMETERS = ("low", "high", "places")
"""What each axis is given, as `x_low` and so on: its ends and the places of its ticks."""
Row = dict[str, Any]


@cache
def chart(names: tuple[str, ...]) -> Row:
    """The chart of sheets with these kinds of marks, written and checked against its schema by Altair once a process.

    Everything that differs from report to report is a parameter or a dataset: a person's words never reach an expression.
    """
    import altair as alt  # noqa: PLC0415 - 0.2 s that only who draws should pay

    values = [f"{axis}_{name}" for axis in "xy" for name in PARAMETERS]
    whole = (
        alt.layer(*(_LAYERS[name](alt) for name in names))
        .add_params(*(alt.param(name=name, value=0) for name in values))
        .properties(autosize=alt.AutoSizeParams(type="none"), background=theme.PAPER)
        .configure(font=theme.FONT, aria=False)
        .configure_view(stroke=None)
        .configure_mark(invalid="show")
    )
    specification: Row = whole.to_dict()
    return specification


@cache
def compiled(names: tuple[str, ...]) -> Row:
    """`chart(names)` as Vega, its parameters as signals, its datasets under their names."""
    import vl_convert  # noqa: PLC0415 - brings a JavaScript engine that only who draws should pay for

    placeholder = {**chart(names), "width": 100, "height": 100, "datasets": {name: [] for name in names}}
    vega: Row = vl_convert.vegalite_to_vega(placeholder, vl_version=VEGA_LITE)
    return vega


def _scale(alt: Any, name: str) -> Any:
    return alt.Scale(domain=[alt.ExprRef(f"{name}_low"), alt.ExprRef(f"{name}_high")], nice=False, zero=False)


def _axis(alt: Any, name: str) -> Any:
    upright = name == "y"
    return alt.Axis(
        values=alt.ExprRef(f"{name}_places"),
        labels=False,
        title=None,
        grid=False,
        domainColor=theme.EDGE,
        tickColor=theme.EDGE,
        domain=not upright,
        ticks=not upright,
    )


def _x(alt: Any) -> Any:
    return alt.X("x", type="quantitative", scale=_scale(alt, "x"), axis=_axis(alt, "x"))


def _y(alt: Any) -> Any:
    return alt.Y("y", type="quantitative", scale=_scale(alt, "y"), axis=_axis(alt, "y"))


def _areas(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData(AREAS))
        .mark_rect()
        .encode(
            x=_x(alt),
            x2=alt.X2("x2"),
            y=_y(alt),
            y2=alt.Y2("y2"),
            fill=alt.Fill("fill", type="nominal", scale=None),
        )
    )


def _rules(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData(RULES))
        .mark_rule()
        .encode(
            x=_x(alt),
            x2=alt.X2("x2"),
            y=_y(alt),
            y2=alt.Y2("y2"),
            stroke=alt.Stroke("colour", type="nominal", scale=None),
            strokeWidth=alt.StrokeWidth("width", type="quantitative", scale=None),
            strokeDash=alt.StrokeDash("dash", type="nominal", scale=None),
        )
    )


def _lines(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData(LINES))
        .mark_line(strokeWidth=2, strokeJoin="round")
        .encode(
            x=_x(alt),
            y=_y(alt),
            detail=alt.Detail("run", type="nominal"),
            stroke=alt.Stroke("colour", type="nominal", scale=None),
        )
    )


def _signs(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData(SIGNS))
        .mark_point(opacity=1)
        .encode(
            x=_x(alt),
            y=_y(alt),
            shape=alt.Shape("shape", type="nominal", scale=None),
            fill=alt.Fill("fill", type="nominal", scale=None),
            stroke=alt.Stroke("colour", type="nominal", scale=None),
            size=alt.Size("size", type="quantitative", scale=None),
            strokeWidth=alt.StrokeWidth("width", type="quantitative", scale=None),
        )
    )


def _words(alt: Any) -> Any:
    return (
        alt.Chart(alt.NamedData(WORDS))
        .mark_text(
            baseline="middle",
            align=alt.ExprRef("datum.align"),
            fontSize=alt.ExprRef("datum.size"),
            fontWeight=alt.ExprRef("datum.weight"),
        )
        .encode(
            x=_x(alt),
            y=_y(alt),
            text=alt.Text("text", type="nominal"),
            color=alt.Color("colour", type="nominal", scale=None),
        )
    )


_LAYERS = {AREAS: _areas, RULES: _rules, LINES: _lines, SIGNS: _signs, WORDS: _words}
