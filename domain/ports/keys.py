"""Keys as the rest of the product sees them: seal, open, mac. Nobody outside `adapters/keys` holds key bytes."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from domain.ports.audit import AuditEntry
from domain.ports.call import Call


class RecordClass(StrEnum):
    """What kind of record a sealed value is; one data key a client, class and epoch.

    The last five belong to the organisation, not to a client, and hang from the root directly.
    """

    IDENTITY = "identity"
    JOURNAL = "journal"
    MEASURES = "measures"
    NOTES = "notes"
    SUD = "sud"
    SUD_NOTES = "sud-notes"
    VIEW = "view"
    AUDIT = "audit"
    ACCESS = "access"
    CURSOR = "cursor"
    TOKEN = "token"  # noqa: S105 - the name of a class, not a secret
    MAC = "mac"

    @property
    def of_organisation(self) -> bool:
        """Whether the key is the organisation's own, and so outlives any client."""
        return self in _ORGANISATION

    @property
    def of_notes_root(self) -> bool:
        """Whether it hangs from the second root, which only the API process loads."""
        return self in (RecordClass.NOTES, RecordClass.SUD_NOTES)


_ORGANISATION = frozenset(
    (RecordClass.AUDIT, RecordClass.ACCESS, RecordClass.CURSOR, RecordClass.TOKEN, RecordClass.MAC)
)


class RootKey(Protocol):
    """A key that never leaves its holder: a file now, a cloud KMS behind the same two calls."""

    @property
    def generation(self) -> str:
        """Stable name of this generation; stored beside everything it wraps."""

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypt a 32-byte key, bound to `context`. Raises KeysUnavailable."""

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises SealBroken when it was wrapped by another root or for another context, KeysUnavailable."""


class Sealer(Protocol):
    """Seals bytes under the current data key of (owner, class). `owner` None is the organisation.

    Layout of what `seal` returns: format byte 1, key id (16), nonce (12), AES-256-GCM ciphertext with tag.
    """

    def key_id(self, owner: UUID | None, record_class: RecordClass) -> UUID:
        """The current data key, made and durably stored when there is none. Raises Erased, KeysUnavailable."""

    def seal(self, key_id: UUID, plaintext: bytes, context: bytes) -> bytes:
        """`context` is authenticated, not stored. Raises KeysUnavailable."""

    def open(self, sealed: bytes, context: bytes, record_class: RecordClass | None = None) -> bytes:
        """`record_class` is what the caller was told that it is: sealed under a key of another class it does not open.
        Raises SealBroken, KeyMissing, Erased (its key was destroyed), KeysUnavailable.
        """

    def mac(self, label: str, *parts: bytes) -> bytes:
        """HMAC-SHA-256 under the organisation's mac key, parts length-prefixed: look-ups, fingerprints, derived ids."""


class KeyRecords(Protocol):
    """Tells the log what was done with keys."""

    def rotated(self, call: Call, entry: AuditEntry, facts: Mapping[str, Any], command: UUID | None = None) -> int:
        """An unsealed record beside `entry`, in one append; returns the position. `facts` are generations, classes and
        counts as plain JSON. With the same `command` once only. Raises StoreUnavailable, KeysUnavailable.
        """


class TokenSealer(Protocol):
    """Opaque tokens that only this deployment can make or read: page cursors."""

    def seal_token(self, purpose: str, plaintext: bytes) -> str:
        """URL-safe text. Raises KeysUnavailable."""

    def open_token(self, purpose: str, token: str) -> bytes:
        """Raises Invalid when it was altered, made for another purpose or by another deployment; KeysUnavailable."""
