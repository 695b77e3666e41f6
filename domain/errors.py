"""One tree of errors: a stable code, opaque ids, and a sentence that is safe to log. Never clinical text.

The families below say what *kind* of thing went wrong; `api/errors.py` alone knows which HTTP status each is.
"""

from collections.abc import Mapping
from typing import ClassVar


class AnamnesisError(Exception):
    """Base of every error the product raises on purpose.

    `code` is part of the API and never changes. `facts` holds ids, counts and names of fields, never values that a
    person typed. `hint` says what to do about it.
    """

    code: ClassVar[str] = "internal_error"
    message: ClassVar[str] = "Something went wrong."
    hint: ClassVar[str] = ""

    def __init__(self, *args: object, **facts: object) -> None:
        self.facts: Mapping[str, str] = {key: str(value) for key, value in facts.items()}
        named = ", ".join(f"{key}={value}" for key, value in self.facts.items())
        text = " ".join(str(arg) for arg in args) or self.message
        super().__init__(f"{text} ({named})" if named else text)
        self.detail = text


class NotFound(AnamnesisError):
    """No such thing, or none that the caller may know of."""

    code = "not_found"
    message = "There is nothing with this id."


class NothingToDraw(NotFound):
    """The report holds no data for this picture: an empty frame would look like a finding."""

    code = "nothing_to_draw"
    message = "The report holds no data for this picture."
    hint = "Ask for a longer period, or read the report as JSON to see what it holds."


class Conflict(AnamnesisError):
    """The command contradicts the state the thing is in."""

    code = "conflict"


class StaleVersion(AnamnesisError):
    """Another writer was first. Load again, look at what changed, and repeat."""

    code = "stale_version"
    message = "The record was changed by someone else since you read it."
    hint = "Read it again and repeat the change on its current version."


class Invalid(AnamnesisError):
    """The input can't be right: a field, a time, a combination."""

    code = "invalid"


class Denied(AnamnesisError):
    """The caller is known and may not do this."""

    code = "denied"
    message = "You are not permitted to do this."


class Unauthenticated(AnamnesisError):
    """The caller is not signed in, or no longer."""

    code = "unauthenticated"
    message = "Sign in first."


class Erased(AnamnesisError):
    """The client's keys were destroyed at the end of retention or on request; nothing of the record can be read."""

    code = "client_erased"
    message = "This client's record was erased."


class TooMany(AnamnesisError):
    """A rate or size limit was passed. `retry_after_s` says when to come back."""

    code = "too_many_requests"
    message = "This was asked for too often."
    hint = "Wait for as many seconds as the header Retry-After says, and repeat it then."

    def __init__(self, *args: object, retry_after_s: float = 1.0, **facts: object) -> None:
        super().__init__(*args, **facts)
        self.retry_after_s = retry_after_s


class Unavailable(AnamnesisError):
    """A part the product needs is down, full or behind. Nothing was half-written; the same call may be repeated."""

    code = "unavailable"

    def __init__(self, *args: object, retry_after_s: float = 1.0, **facts: object) -> None:
        super().__init__(*args, **facts)
        self.retry_after_s = retry_after_s


class Misconfigured(AnamnesisError):
    """The set-up is wrong: a key, a path, a revision. The program should not start."""

    code = "misconfigured"


class ViewBehind(Unavailable):
    """The view has not reached the position the reader asked for within its patience."""

    code = "view_behind"
    message = "The view has not caught up with that position yet."
    hint = "Repeat the read after the time given."


class StoreUnavailable(Unavailable):
    """The event database can't be reached or can't write (down, full, read-only)."""

    code = "store_unavailable"
    message = "The record store can't be written or read at the moment; nothing was changed."
    hint = "Repeat the call with the same idempotency key; an operator can run `anamnesis doctor`."


class KeysUnavailable(Unavailable):
    """The key database or the root key can't be used at the moment."""

    code = "keys_unavailable"
    message = "The key store can't be used at the moment."
    hint = "An operator can run `anamnesis doctor`."


class QueueUnavailable(Unavailable):
    """Redis can't be reached: background work waits, everything else goes on."""

    code = "queue_unavailable"
    message = "Background work can't be queued at the moment."
    hint = "Start Redis, or correct ANAMNESIS_REDIS_URL; `anamnesis doctor` says more."


class SealBroken(AnamnesisError):
    """Sealed bytes don't open: altered, moved from another row, or sealed under another key."""

    code = "seal_broken"
    message = "A sealed value does not open where it lies; it was altered or moved."
    hint = "Stop, keep the database as it is, and compare it with the last checkpoint."


class KeyMissing(AnamnesisError):
    """A row names a key that the key database doesn't hold, and no record says it was destroyed."""

    code = "key_missing"
    message = "A key that the record needs is not in the key database."
    hint = "The key database is probably older than the event database: restore its newest back-up."


class IdempotencyKeyReused(Conflict):
    """The same Idempotency-Key came with another request."""

    code = "idempotency_key_reused"
    message = "This Idempotency-Key was used before with a different request."
    hint = "Use a new key for a new request."


class AlreadyDone(AnamnesisError):
    """Raised by the ledger when a command id was committed before; carries the stored outcome, not an error to show."""

    code = "already_done"

    def __init__(self, outcome: object) -> None:
        super().__init__("This command was carried out before.")
        self.outcome = outcome
