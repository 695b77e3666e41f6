"""Answers: finished bodies and the headers that belong to reads and writes.

Bodies are not validated on their way out, which would cost as much as making them: tests hold every answer against the
OpenAPI document.
"""

from typing import Any, Final

import orjson
from starlette.responses import Response

from api.headers import etag
from domain.ports.ledger import Receipt

JSON: Final = "application/json"
NO_CONTENT: Final = 204


def found(document: dict[str, Any], *, version: int | None = None, vary: str = "") -> Response:
    """200 with a body; `version` becomes the ETag that an edit sends back; `vary` names the header it was chosen by."""
    headers = {} if version is None else {"ETag": etag(version)}
    if vary:
        headers["Vary"] = vary
    return Response(orjson.dumps(document), media_type=JSON, headers=headers)


def represented(body: bytes, media_type: str, *, name: str = "") -> Response:
    """200 with what the header Accept chose, as a file of that name where it has one."""
    headers = {"Vary": "Accept"}
    if name:
        headers["Content-Disposition"] = f'inline; filename="{name}"'
    return Response(body, media_type=media_type, headers=headers)


def told(document: dict[str, Any], status: int) -> Response:
    """A body that is neither a read of the record nor a receipt."""
    return Response(orjson.dumps(document), status_code=status, media_type=JSON)


def written(receipt: Receipt, *, location: str = "") -> Response:
    """200, or 201 when the write made something new at `location`. A repeated call gets what is stored."""
    if receipt.replayed:
        return replayed(receipt)
    return _receipt(receipt, 201 if location else 200, location, {})


def removed(position: int) -> Response:
    """204, for what was removed or leaves nothing to tell but where in the log it stands."""
    return Response(status_code=NO_CONTENT, headers={"Position": str(position)})


def replayed(receipt: Receipt) -> Response:
    """The answer of the first call, made again from what is stored with its events."""
    if receipt.status == NO_CONTENT:
        answer = removed(receipt.position)
        answer.headers["Idempotency-Replayed"] = "true"
        return answer
    return _receipt(receipt, receipt.status or 200, receipt.location, {"Idempotency-Replayed": "true"})


def _receipt(receipt: Receipt, status: int, location: str, headers: dict[str, str]) -> Response:
    headers["Position"] = str(receipt.position)
    headers["ETag"] = etag(receipt.version)
    if location:
        headers["Location"] = location
    body = {"id": receipt.resource_id, "version": receipt.version, "position": receipt.position}
    return Response(orjson.dumps(body), status_code=status, media_type=JSON, headers=headers)
