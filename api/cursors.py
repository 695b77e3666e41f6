"""Page cursors: sealed, and good only for the caller and the query they were given out for."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import orjson

from api.errors import CursorInvalid
from domain.errors import Invalid
from domain.ports.keys import TokenSealer

PURPOSE: Final = "cursor"
_LONGEST: Final = 2048


class Cursors:
    def __init__(self, tokens: TokenSealer) -> None:
        self._tokens = tokens

    def seal(self, caller: UUID, query: Mapping[str, Any], after: tuple[int, ...]) -> str:
        """A cursor that continues `query` (its name and filters) after the given key. Raises KeysUnavailable."""
        return self._tokens.seal_token(PURPOSE, orjson.dumps([_binding(caller, query), after]))

    def open(self, caller: UUID, query: Mapping[str, Any], cursor: str | None) -> tuple[int, ...] | None:
        """The key to continue after; None without a cursor. Raises CursorInvalid, KeysUnavailable."""
        if cursor is None:
            return None
        if len(cursor) > _LONGEST:
            raise CursorInvalid
        try:
            binding, after = orjson.loads(self._tokens.open_token(PURPOSE, cursor))
        except (Invalid, ValueError) as exc:
            raise CursorInvalid from exc
        if binding != _binding(caller, query):
            raise CursorInvalid
        return tuple(after)


def _binding(caller: UUID, query: Mapping[str, Any]) -> str:
    """What the cursor is bound to; a digest, so that filters don't lengthen it."""
    parts = orjson.dumps([caller, query], default=str, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)
    return sha256(parts).hexdigest()[:32]
