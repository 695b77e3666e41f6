"""What a verification is given: checkpoints and keys, from files and addresses. Nothing of the store is needed for it."""

from pathlib import Path
from typing import Final

import httpx

from adapters.log.notes import VerifierKey
from domain.errors import Invalid

_TIMEOUT_S: Final = 20.0
_MOST_BYTES: Final = 1_000_000


class CheckpointUnreadable(Invalid):
    code = "checkpoint_unreadable"
    message = "A checkpoint can't be read from there."
    hint = (
        "Name a file, or an address such as https://practice.example/v1/log/checkpoint that answers with a signed note."
    )


def fetched(place: str) -> bytes:
    """The content of a file or of what an address answers. Raises CheckpointUnreadable."""
    try:
        if place.startswith(("http://", "https://")):
            answer = httpx.get(place, timeout=_TIMEOUT_S, headers={"Accept": "text/plain"}, trust_env=False)
            answer.raise_for_status()
            return answer.content[:_MOST_BYTES]
        path = Path(place)
        if path.stat().st_size > _MOST_BYTES:
            raise CheckpointUnreadable(place=place, reason="too long")
        return path.read_bytes()
    except (OSError, ValueError, httpx.HTTPError, httpx.InvalidURL) as exc:
        raise CheckpointUnreadable(place=place, reason=type(exc).__name__) from exc


def verifier_key(text: str) -> VerifierKey:
    """A key as text, or the name of a file that holds one. Raises VerifierKeyInvalid, CheckpointUnreadable."""
    if "+" not in text:
        try:
            text = fetched(text).decode()
        except UnicodeError as exc:
            raise CheckpointUnreadable(place=text, reason="not text") from exc
    return VerifierKey.parse(text)
