"""Errors of the HTTP surface, and the one place that knows which status each family of errors has."""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

import orjson
from starlette.responses import Response

from domain.errors import (
    AlreadyDone,
    AnamnesisError,
    Conflict,
    Denied,
    Erased,
    Invalid,
    Misconfigured,
    NotFound,
    StaleVersion,
    TooMany,
    Unauthenticated,
    Unavailable,
)

PROBLEM_MEDIA_TYPE: Final = "application/problem+json"


class RouteNotFound(NotFound):
    code = "route_not_found"
    message = "There is no such address here."
    hint = "The reference at /reference lists every address."


class MethodNotAllowed(AnamnesisError):
    code = "method_not_allowed"
    message = "This address does not answer that method."
    hint = "The header Allow names the methods it answers."


class NotJson(AnamnesisError):
    code = "unsupported_media_type"
    message = "The body must be JSON."
    hint = "Send the header Content-Type: application/json."


class NotAcceptable(AnamnesisError):
    code = "not_acceptable"
    message = "This comes in none of the media types that the header Accept names."
    hint = "`offered` in the facts names those it comes in; without the header the first is sent."


class BodyTooLarge(AnamnesisError):
    code = "body_too_large"
    message = "The body is larger than this address takes."


class IfMatchMissing(AnamnesisError):
    code = "if_match_missing"
    message = "An edit must say which version it changes."
    hint = "Read the record and send its ETag in the header If-Match."


class JsonInvalid(Invalid):
    code = "json_invalid"
    message = "The body is not valid JSON in UTF-8."


class CursorInvalid(Invalid):
    code = "cursor_invalid"
    message = "This cursor was not given out for this query."
    hint = "Begin again without a cursor, with the same filters on every page."


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldFault:
    """One thing wrong with a request. `location` is body, path, query or header; `pointer` an RFC 6901 pointer into the
    body, or the parameter's name. Never holds the value that was sent.
    """

    location: str
    pointer: str
    code: str
    message: str


class FieldsInvalid(Invalid):
    """Carries one FieldFault for each thing that is wrong."""

    code = "fields_invalid"
    message = "Some of what was sent can't be right."
    hint = "`errors` names each field and what is wrong with it."

    def __init__(self, faults: Sequence[FieldFault]) -> None:
        super().__init__()
        self.faults = tuple(faults)


# Looked up along the error's class and its bases: the nearest entry wins.
STATUS: Final[dict[type[BaseException], HTTPStatus]] = {
    AnamnesisError: HTTPStatus.INTERNAL_SERVER_ERROR,
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    StaleVersion: HTTPStatus.PRECONDITION_FAILED,
    Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    Denied: HTTPStatus.FORBIDDEN,
    Unauthenticated: HTTPStatus.UNAUTHORIZED,
    Erased: HTTPStatus.GONE,
    TooMany: HTTPStatus.TOO_MANY_REQUESTS,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    NotJson: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    IfMatchMissing: HTTPStatus.PRECONDITION_REQUIRED,
}

_INDEX: Final = re.compile(r"\[(\d+)\]")
_NEVER_ANSWERED: Final = (AlreadyDone, Misconfigured)


def status_of(error: type[BaseException]) -> HTTPStatus:
    """The status of the nearest family in STATUS; 500 for what is not ours."""
    for family in error.__mro__:
        if family in STATUS:
            return STATUS[family]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def known_errors() -> Iterator[type[AnamnesisError]]:
    """Every error an answer may carry, once a code, in order of status and code."""
    found: dict[str, type[AnamnesisError]] = {}
    waiting: list[type[AnamnesisError]] = [AnamnesisError]
    while waiting:
        error = waiting.pop()
        waiting.extend(error.__subclasses__())
        if not issubclass(error, _NEVER_ANSWERED):
            found.setdefault(error.code, error)
    yield from sorted(found.values(), key=lambda error: (status_of(error), error.code))


def problem_document(
    error: AnamnesisError, request_id: UUID | str, query: Container[str] = frozenset()
) -> dict[str, Any]:
    """The RFC 9457 members of an answer that carries `error`. `query` holds the names that the address takes there."""
    status = status_of(type(error))
    document: dict[str, Any] = {
        "type": f"/reference#error-{error.code}",
        "title": status.phrase,
        "status": int(status),
        "code": error.code,
        "detail": error.detail,
        "hint": error.hint,
        "facts": dict(error.facts),
        "request_id": str(request_id),
    }
    if isinstance(error, FieldsInvalid):
        document["errors"] = [asdict(fault) for fault in error.faults]
    elif isinstance(error, Invalid) and "field" in error.facts:
        document["errors"] = [asdict(_fault_of(error, query))]
    return document


def _fault_of(error: Invalid, query: Container[str]) -> FieldFault:
    """The domain names fields as Python does (`emotions[0].name`); callers get a pointer into what they sent."""
    field = error.facts["field"]
    if field in query:
        return FieldFault(location="query", pointer=field, code=error.code, message=error.detail)
    path = _INDEX.sub(r"/\1", field).replace(".", "/")
    return FieldFault(location="body", pointer=f"/{path}", code=error.code, message=error.detail)


def without_ids(error: NotFound) -> NotFound:
    """The same for an account of a client: what is not there reads as what is hidden, whose error names no id."""
    return type(error)(error.detail, **{name: value for name, value in error.facts.items() if not _is_id(value)})


def _is_id(value: str) -> bool:
    try:
        return bool(UUID(value))
    except ValueError:
        return False


def problem(error: AnamnesisError, request_id: UUID | str, query: Container[str] = frozenset()) -> Response:
    """The answer that carries `error`, with the headers that belong to its status. `query` as in `problem_document`."""
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if isinstance(error, TooMany | Unavailable):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, NotAcceptable):
        headers["Vary"] = "Accept"
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="anamnesis"'
    return Response(
        orjson.dumps(problem_document(error, request_id, query)),
        status_code=int(status),
        headers=headers,
        media_type=PROBLEM_MEDIA_TYPE,
    )
