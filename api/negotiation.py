"""Which representation a caller gets of what comes in several (RFC 9110, 12.5.1)."""

import re
from collections.abc import Sequence
from typing import Final

from api.errors import NotAcceptable

_RANGE: Final = re.compile(r"(\*|[\w!#$&.+^`|~'-]+)/(\*|[\w!#$&.+^`|~'-]+)", re.ASCII)
_WEIGHT: Final = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?", re.ASCII)
_RANGES_MOST: Final = 50


def preferred(accept: str | None, offered: Sequence[str]) -> str:
    """The media type of `offered` that the header `Accept` likes best; of equals the first. No header, or one that names no
    media range at all, likes everything. The most specific range that matches a type decides its weight; 0 refuses it.

    Raises NotAcceptable, naming what is offered.
    """
    ranges = _ranges(accept or "")
    if not ranges:
        return offered[0]
    weights = {media_type: _weight(media_type, ranges) for media_type in offered}
    best = max(offered, key=lambda media_type: weights[media_type])
    if weights[best] <= 0:
        raise NotAcceptable(offered=", ".join(offered))
    return best


def _ranges(accept: str) -> list[tuple[str, str, float]]:
    """(type, subtype, weight) of each range that can be read; parameters other than the weight are passed over."""
    found = []
    for part in accept.split(",")[:_RANGES_MOST]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        match = _RANGE.fullmatch(name.lower())
        if match and (match[1] != "*" or match[2] == "*"):
            found.append((match[1], match[2], _quality(parameters)))
    return found


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            return float(value.strip()) if _WEIGHT.fullmatch(value.strip()) else 0.0
    return 1.0


def _weight(media_type: str, ranges: Sequence[tuple[str, str, float]]) -> float:
    """Of the range that fits closest; of two alike the higher."""
    kind, _, subtype = media_type.partition("/")
    fitting = [
        ((range_kind != "*") + (range_subtype != "*"), weight)
        for range_kind, range_subtype, weight in ranges
        if range_kind in ("*", kind) and range_subtype in ("*", subtype)
    ]
    return max(fitting, default=(0, 0.0))[1]
