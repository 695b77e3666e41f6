"""Drafts as they are sent and answered."""

from math import isfinite
from typing import Any, Final
from uuid import UUID

import orjson

from api.models.common import In, Out, Rfc3339, example
from domain.errors import Invalid

_DRAFT: Final[dict[str, Any]] = {
    "id": "01950f2d-0a0b-7c0d-8e0f-101112131415",
    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
    "saved_at": "2026-03-02T10:03:20Z",
    "content": {"summary": "Reviewed the week's exp"},
}


class DraftIn(In):
    """`content` is the form's own JSON object; nothing in it is checked but its size."""

    client_id: UUID
    content: dict[str, Any]

    def text(self) -> str:
        """The content as JSON text. Raises Invalid for numbers that no form holds."""
        try:
            if _finite(self.content):
                return orjson.dumps(self.content).decode()
        except orjson.JSONEncodeError:
            pass
        raise Invalid("content holds a number that is too large.", field="content")

    model_config = example({key: _DRAFT[key] for key in ("client_id", "content")})


def _finite(value: Any) -> bool:
    """Whether no number in it is NaN or infinite: those would silently become null."""
    if isinstance(value, dict):
        return all(_finite(item) for item in value.values())
    if isinstance(value, list):
        return all(_finite(item) for item in value)
    return not isinstance(value, float) or isfinite(value)


class DraftOut(Out):
    id: UUID
    client_id: UUID
    saved_at: Rfc3339
    content: dict[str, Any]

    model_config = example(_DRAFT)


class DraftsOut(Out):
    items: tuple[DraftOut, ...]

    model_config = example({"items": [_DRAFT]})
