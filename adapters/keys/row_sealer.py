"""Clinical values in views: sealed under the client's view key, each bound to its table and row."""

from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from adapters.event_store.envelope import length_prefixed
from domain.ports.keys import RecordClass, Sealer

_ID_LENGTH: Final = length_prefixed(str(UUID(int=0)).encode())[:4]
"""What stands before an id in the bytes that bind a seal."""


class RowSealer:
    """Seals values of view rows. `log` is the log id (deployment and incarnation) whose events the views show: a view
    that was not rebuilt after a restore does not open.
    """

    def __init__(self, sealer: Sealer, log: bytes) -> None:
        self._sealer = sealer
        self._log = log

    def seal_row(self, client_id: UUID, table: str, row_id: UUID | str, plaintext: bytes) -> bytes:
        """Raises Erased, KeysUnavailable."""
        key_id = self._sealer.key_id(client_id, RecordClass.VIEW)
        return self._sealer.seal(key_id, plaintext, self._context(client_id, table, row_id))

    def open_row(self, client_id: UUID, table: str, row_id: UUID | str, sealed: bytes) -> bytes:
        """Raises SealBroken, KeyMissing, Erased, KeysUnavailable."""
        return self._sealer.open(sealed, self._context(client_id, table, row_id))

    def opener(self, client_id: UUID, table: str) -> Callable[[UUID, bytes], bytes]:
        """`open_row` for many rows of one client and table, at half its price. Raises as it does, when called."""
        start = _bound(self._log, client_id.bytes, table) + _ID_LENGTH
        sealer_open = self._sealer.open

        def open_row(row_id: UUID, sealed: bytes) -> bytes:
            return sealer_open(sealed, start + str(row_id).encode())

        return open_row

    def _context(self, client_id: UUID, table: str, row_id: UUID | str) -> bytes:
        name = str(row_id).encode()
        # As length_prefixed(name) has it, in half the time: it is done for every row of a rebuild.
        return _bound(self._log, client_id.bytes, table) + len(name).to_bytes(4, "big") + name


@lru_cache(maxsize=4096)
def _bound(log: bytes, client: bytes, table: str) -> bytes:
    """The part that all rows of a client share: a page of a journey has a thousand."""
    return length_prefixed(b"anamnesis/view/1", log, client, table.encode())
