"""From pydantic's errors to what the caller is told: a pointer and a sentence, never the value that was sent."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import ErrorDetails

from api.errors import FieldFault

MOST_FAULTS: Final = 20
"""More than these help nobody; the rest is left out."""
_LONGEST_NAME: Final = 64
_MEMBER: Final = re.compile(r"<\w+\.\w+: ('[^']*')>")
"""How pydantic writes the members of an enum among the values it expects."""

_Facts = Mapping[str, Any]
# Written by us: some of pydantic's own sentences quote characters of the input.
_SENTENCES: Final[dict[str, Callable[[_Facts], str]]] = {
    "missing": lambda _: "is required",
    "extra_forbidden": lambda _: "is not a known field here",
    "string_type": lambda _: "must be a string",
    "string_unicode": lambda _: "must be valid Unicode, without lone surrogates",
    "string_too_short": lambda facts: f"must have at least {_counted(facts['min_length'], 'character')}",
    "string_too_long": lambda facts: f"must have at most {_counted(facts['max_length'], 'character')}",
    "string_pattern_mismatch": lambda facts: f"must match the pattern {facts['pattern']}",
    "int_type": lambda _: "must be an integer",
    "int_from_float": lambda _: "must be an integer",
    "int_parsing": lambda _: "must be an integer",
    "int_parsing_size": lambda _: "is too large a number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "bool_parsing": lambda _: "must be true or false",
    "list_type": lambda _: "must be an array",
    "tuple_type": lambda _: "must be an array",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "model_attributes_type": lambda _: "must be an object",
    "too_short": lambda facts: f"must have at least {_counted(facts['min_length'], 'entry', 'entries')}",
    "too_long": lambda facts: f"must have at most {_counted(facts['max_length'], 'entry', 'entries')}",
    "greater_than_equal": lambda facts: f"must be at least {facts['ge']}",
    "greater_than": lambda facts: f"must be more than {facts['gt']}",
    "less_than_equal": lambda facts: f"must be at most {facts['le']}",
    "less_than": lambda facts: f"must be less than {facts['lt']}",
    "enum": lambda facts: f"must be one of {facts['expected']}",
    "literal_error": lambda facts: "must be " + _MEMBER.sub(r"\1", facts["expected"]),
    "uuid_type": lambda _: "must be a UUID",
    "uuid_parsing": lambda _: "must be a UUID",
    "uuid_version": lambda _: "must be a UUID of the expected version",
    "date_type": lambda _: "must be a date as YYYY-MM-DD",
    "date_parsing": lambda _: "must be a date as YYYY-MM-DD",
    "date_from_datetime_parsing": lambda _: "must be a date as YYYY-MM-DD",
    "date_from_datetime_inexact": lambda _: "must be a date as YYYY-MM-DD",
    "date_past": lambda _: "must lie in the past",
    "datetime_type": lambda _: "must be a time as in RFC 3339",
    "datetime_parsing": lambda _: "must be a time as in RFC 3339",
    "datetime_object_invalid": lambda _: "must be a time as in RFC 3339",
    "datetime_from_date_parsing": lambda _: "must be a time as in RFC 3339",
    "timezone_aware": lambda _: "must say its offset from UTC, such as Z or +01:00",
}
OURS: Final = "anamnesis"
"""In the context of errors that our own validators raise: their messages are written by us and may be shown."""


def pointer(path: Sequence[int | str]) -> str:
    """RFC 6901. A name the sender chose is cut short."""
    parts = [str(part)[:_LONGEST_NAME].replace("~", "~0").replace("/", "~1") for part in path]
    return "".join(f"/{part}" for part in parts)


def faults_of(details: Sequence[ErrorDetails], location: str, name: str = "") -> list[FieldFault]:
    """One fault an error. `name` is the parameter's, for what didn't come in the body."""
    return [
        FieldFault(
            location=location,
            pointer=name or pointer(detail["loc"]),
            code=detail["type"],
            message=_sentence(detail),
        )
        for detail in _by_themselves(details)[:MOST_FAULTS]
    ]


def _by_themselves(details: Sequence[ErrorDetails]) -> list[ErrorDetails]:
    """Without the lists that are only called too short because an entry of theirs was refused and not counted."""
    paths = [detail["loc"] for detail in details]
    return [
        detail
        for detail in details
        if detail["type"] != "too_short"
        or not any(len(path) > len(detail["loc"]) and path[: len(detail["loc"])] == detail["loc"] for path in paths)
    ]


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _sentence(detail: ErrorDetails) -> str:
    facts = detail.get("ctx", {})
    if facts.get(OURS):
        return detail["msg"]
    sentence = _SENTENCES.get(detail["type"])
    return sentence(facts) if sentence else "is not valid here"
