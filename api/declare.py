"""How routes are declared for the OpenAPI document: what they do, answer and refuse."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel
from starlette.responses import Response

from api.asks import Ask, Editing, Writing
from api.errors import (
    PROBLEM_MEDIA_TYPE,
    BodyTooLarge,
    FieldFault,
    FieldsInvalid,
    IfMatchMissing,
    JsonInvalid,
    NotJson,
    known_errors,
    problem_document,
    status_of,
)
from api.models.common import ReceiptOut
from domain.errors import (
    AnamnesisError,
    IdempotencyKeyReused,
    KeysUnavailable,
    StaleVersion,
    StoreUnavailable,
    TooMany,
    Unauthenticated,
)
from domain.services.access import Action, PurposeNotPermitted

Errors = Sequence[type[AnamnesisError]]
Asked = Action | Sequence[Action]
"""What the permission table decides for a route, and what its audit entries say."""
_SAMPLE_REQUEST: Final = UUID("01950f2e-6d3a-7001-8f00-000000000001")
_SAMPLE_FAULT: Final = FieldFault(
    location="body", pointer="/duration_min", code="greater_than_equal", message="must be at least 1"
)
_TEXT: Final = {"type": "string"}
_POSITION: Final = {
    "Position": {
        "description": "Position of the write in the log; send it as Read-After to read what was written.",
        "required": True,
        "schema": {"type": "string", "pattern": "^[0-9]+$"},
    }
}
_ETAG: Final = {
    "ETag": {
        "description": "The version this is; an edit sends it back as If-Match.",
        "required": True,
        "schema": {"type": "string", "pattern": '^"[0-9]+(\\.[0-9]+)?"$'},
    }
}
_LOCATION: Final = {
    "Location": {"description": "Where the new thing is read.", "required": True, "schema": _TEXT},
}
_VARY: Final = {
    "Vary": {"description": "Accept: which form this is was chosen by that header.", "required": True, "schema": _TEXT},
}
_FORMS: Final[dict[type, dict[str, Any]]] = {
    str: {"schema": {"type": "string"}, "example": "…"},
    bytes: {"schema": {"type": "string", "format": "binary"}},
    dict: {"schema": {"type": "object"}, "example": {}},
}
_REPLAYED: Final = {
    "Idempotency-Replayed": {
        "description": "Sent as `true` when this call had been carried out before and nothing was written now.",
        "required": False,
        "schema": {"type": "string", "enum": ["true"]},
    }
}


def reads(
    summary: str, answer: type[BaseModel], *errors: type[AnamnesisError], versioned: bool = False, action: Asked = ()
) -> dict[str, Any]:
    """200 with `answer`; `versioned` answers carry an ETag."""
    return _declared(summary, errors, 200, answer, _ETAG if versioned else {}, action)


def represents(
    summary: str, forms: Mapping[str, Any], *errors: type[AnamnesisError], action: Asked = ()
) -> dict[str, Any]:
    """200 in one of several media types, by the header Accept. A form is a model, `dict` for a JSON object, `str` for text,
    `bytes` for what is no text. Errors must name NotAcceptable.
    """
    model = forms.get("application/json")
    declared = _declared(summary, errors, 200, model, _VARY, action)
    content = {media_type: dict(_FORMS[form]) for media_type, form in forms.items() if form is not model}
    declared["responses"][200]["content"] = content
    return declared if model else declared | {"response_class": Response}


def answers(
    summary: str, answer: type[BaseModel], *errors: type[AnamnesisError], status: int = 200, action: Asked = ()
) -> dict[str, Any]:
    """`status` with `answer`, for what is neither a read of the record nor a receipt."""
    return _declared(summary, errors, status, answer, {}, action)


def creates(summary: str, *errors: type[AnamnesisError], action: Asked = ()) -> dict[str, Any]:
    """201 with a receipt and the new thing's Location."""
    return _declared(summary, errors, 201, ReceiptOut, _POSITION | _ETAG | _LOCATION | _REPLAYED, action)


def changes(summary: str, *errors: type[AnamnesisError], action: Asked = ()) -> dict[str, Any]:
    """200 with a receipt."""
    return _declared(summary, errors, 200, ReceiptOut, _POSITION | _ETAG | _REPLAYED, action)


def places(summary: str, *errors: type[AnamnesisError], action: Asked = ()) -> dict[str, Any]:
    """A receipt: 201 with its Location for the first, 200 for what was written over. If-Match may be left out, not empty."""
    declared = changes(summary, IfMatchMissing, *errors, action=action)
    made = creates(summary)["responses"][201]
    return declared | {
        "responses": {201: made | {"model": ReceiptOut}} | declared["responses"],
    }


def removes(summary: str, *errors: type[AnamnesisError], action: Asked = ()) -> dict[str, Any]:
    """204, with the position of the write that removed it."""
    return _declared(summary, errors, 204, None, _POSITION, action)


def _declared(  # noqa: PLR0913, PLR0917 - what a declaration says
    summary: str,
    errors: Iterable[type[AnamnesisError]],
    status: int,
    answer: type[BaseModel] | None,
    headers: Any,
    action: "Asked" = (),
) -> dict[str, Any]:
    success: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if headers:
        success["headers"] = dict(headers)
    return {
        "summary": summary,
        "status_code": status,
        "response_model": answer,
        "responses": {status: success, **error_responses(errors)},
        "openapi_extra": {"x-actions": [action] if isinstance(action, str) else list(action)},
    }


def usual_errors(ask: type[Ask], *, has_body: bool, has_parameters: bool) -> list[type[AnamnesisError]]:
    """What every route of this kind may refuse with."""
    usual: list[type[AnamnesisError]] = [StoreUnavailable, KeysUnavailable, TooMany]
    if ask.signed_in:
        usual += [Unauthenticated, PurposeNotPermitted]
    if has_body:
        usual += [JsonInvalid, NotJson, BodyTooLarge]
    if has_body or has_parameters or ask.signed_in:
        usual.append(FieldsInvalid)
    if issubclass(ask, Writing):
        usual += [IdempotencyKeyReused, StaleVersion]
    if issubclass(ask, Editing):
        usual.append(IfMatchMissing)
    return usual


def error_responses(errors: Iterable[type[AnamnesisError]]) -> dict[int | str, dict[str, Any]]:
    """OpenAPI response objects by status, with an example a code."""
    grouped: dict[int, dict[str, type[AnamnesisError]]] = {}
    for error in errors:
        grouped.setdefault(int(status_of(error)), {})[error.code] = error
    return {status: _response(status, found.values()) for status, found in sorted(grouped.items())}


def merge(first: dict[int | str, dict[str, Any]], second: dict[int | str, dict[str, Any]]) -> dict[int | str, Any]:
    """Both sets of error responses, joined where they share a status."""
    merged = dict(first)
    for status, response in second.items():
        if status not in merged:
            merged[status] = response
            continue
        content = merged[status]["content"][PROBLEM_MEDIA_TYPE]
        examples = content["examples"] | response["content"][PROBLEM_MEDIA_TYPE]["examples"]
        merged[status] = merged[status] | {
            "description": merged[status]["description"] + "; " + response["description"],
            "content": {PROBLEM_MEDIA_TYPE: content | {"examples": examples}},
        }
    return merged


def _response(status: int, errors: Iterable[type[AnamnesisError]]) -> dict[str, Any]:
    listed = sorted(errors, key=lambda error: error.code)
    response: dict[str, Any] = {
        "description": "; ".join(f"`{error.code}`" for error in listed),
        "content": {
            PROBLEM_MEDIA_TYPE: {
                "schema": {"$ref": "#/components/schemas/ProblemOut"},
                "examples": {error.code: {"$ref": f"#/components/examples/{error.code}"} for error in listed},
            }
        },
    }
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        response["headers"] = {
            "Retry-After": {"description": "Seconds.", "required": True, "schema": {"type": "string"}}
        }
    return response


def problem_examples() -> dict[str, Any]:
    """What an answer with each code looks like, for the components of the document."""
    return {
        error.code: {"summary": error.message, "value": problem_document(_sample(error), _SAMPLE_REQUEST)}
        for error in known_errors()
    }


def _sample(error: type[AnamnesisError]) -> AnamnesisError:
    return FieldsInvalid([_SAMPLE_FAULT]) if issubclass(error, FieldsInvalid) else error()
