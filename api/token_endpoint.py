"""The token endpoint as OAuth 2.0 has it: a form in, JSON out, errors by RFC 6749's names. Beside it, JSON as everywhere here."""

import binascii
from base64 import b64decode
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus
from uuid import UUID

import orjson
from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Scope

from api.answers import JSON
from api.dispatch import Operation
from api.errors import status_of
from api.logs import report
from api.origin import Origin
from api.surface import Surface
from domain.errors import AnamnesisError, Invalid, TooMany, Unauthenticated, Unavailable
from domain.services.service_accounts import InvalidScope

FORM: Final = "application/x-www-form-urlencoded"
_NEVER_KEPT: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}  # RFC 6749 §5.1
_FIELDS_MOST: Final = 10
_ERROR_SCHEMA: Final = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "error_description": {"type": "string"}},
    "required": ["error", "error_description"],
    "additionalProperties": False,
}
_ERROR_SAMPLE: Final = {"error": "invalid_scope", "error_description": "The account has no such scope."}
_NONE: Final = "-"
"""In place of a secret that was not sent: no secret is as short."""
_NOBODYS: Final = str(UUID(int=0))
_GRANT: Final = "client_credentials"


class FormInvalid(Invalid):
    """`error` of RFC 6749 §5.2."""

    code = "invalid_request"
    message = "The form is not one of RFC 6749: each field once, in UTF-8, and the client named one way."


class UnsupportedGrant(Invalid):
    code = "unsupported_grant_type"
    message = "Only the grant client_credentials is given here."


class TokenOperation(Operation):
    """A form is read as the JSON body it stands for, and refused in the form's own way."""

    def _require_type(self, content_type: str) -> None:
        if not _is_form(content_type):
            super()._require_type(content_type)

    def _answer(self, surface: Surface, scope: Scope, body: bytes) -> Response:
        origin = surface.origin(scope, body)
        if not _is_form(origin.headers.get("content-type", "")):
            return super()._answer(surface, scope, body)
        try:
            response = self._carry_out(surface, scope, replace(origin, body=_as_json(origin)))
        except AnamnesisError as exc:
            report(exc, origin.request_id)
            return _refused(exc)
        response.headers.update(_NEVER_KEPT)
        return response


def as_oauth(declared: dict[str, Any], body: type[BaseModel]) -> dict[str, Any]:
    """Declared besides: the form, and the errors that answer it."""
    schema = body.model_json_schema(ref_template="#/components/schemas/{model}")
    form = {"schema": schema, "example": schema["examples"][0]}
    refused = {"content": {JSON: {"schema": _ERROR_SCHEMA, "example": _ERROR_SAMPLE}}}
    responses: dict[str, Any] = {str(status): refused for status in (401, 429, 503)}
    responses["400"] = {"description": "`invalid_request`; `invalid_scope`; `unsupported_grant_type`", **refused}
    extra = {"requestBody": {"content": {FORM: form}}, "responses": responses}
    return declared | {"openapi_extra": declared["openapi_extra"] | extra}


def _is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == FORM


def _as_json(origin: Origin) -> bytes:
    """The form, and the client out of the header Authorization. Raises FormInvalid, UnsupportedGrant."""
    try:
        pairs = parse_qsl(origin.body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MOST, errors="strict")
    except ValueError:
        raise FormInvalid from None
    form = {name: value for name, value in pairs if value}
    if len(form) != len([name for name, value in pairs if value]):
        raise FormInvalid
    if form.get("grant_type") != _GRANT:
        raise UnsupportedGrant if form.get("grant_type") else FormInvalid
    authorization = origin.headers.get("authorization", "")
    if authorization:
        if "client_secret" in form:
            raise FormInvalid  # §2.3: one way of naming itself, not two
        client_id, form["client_secret"] = _basic(authorization)
        if form.setdefault("client_id", client_id) != client_id:
            raise FormInvalid
    form["client_id"] = _id(form.get("client_id", ""))
    form.setdefault("client_secret", _NONE)
    # Fields that nobody knows are passed over (§3.2), where JSON refuses them.
    return orjson.dumps(
        {name: form[name] for name in ("grant_type", "client_id", "client_secret", "scope") if name in form}
    )


def _basic(authorization: str) -> tuple[str, str]:
    """RFC 6749 §2.3.1: each half form-encoded before it was put together. What can't be read is nobody's: then it is refused,
    counted and put on record like any other wrong secret.
    """
    scheme, _, encoded = authorization.partition(" ")
    try:
        named = b64decode(encoded.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        named = ""
    client_id, _, secret = named.partition(":")
    return unquote_plus(client_id), unquote_plus(secret) or _NONE


def _id(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return _NOBODYS


def _refused(error: AnamnesisError) -> Response:
    """RFC 6749 §5.2, and what stands beside it where the fault is ours."""
    name, status = "invalid_request", HTTPStatus.BAD_REQUEST
    headers = dict(_NEVER_KEPT)
    if isinstance(error, Unauthenticated):
        name, status = "invalid_client", HTTPStatus.UNAUTHORIZED
        headers["WWW-Authenticate"] = 'Basic realm="anamnesis", charset="UTF-8"'
    elif isinstance(error, InvalidScope | UnsupportedGrant):
        name = error.code
    elif isinstance(error, TooMany | Unavailable):
        name, status = "temporarily_unavailable", status_of(type(error))
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    elif not isinstance(error, Invalid):
        name, status = "server_error", status_of(type(error))
    document: dict[str, Any] = {"error": name, "error_description": error.detail}
    return Response(orjson.dumps(document), status_code=status, media_type=JSON, headers=headers)
