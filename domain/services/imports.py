"""Taking over records from elsewhere: one client with everything of theirs is one append, and is taken over once.

Who reads a source builds the aggregates by their own commands, at the times the source tells: those are the events' times.
When they came in is the log's `recorded_at`, and that they were imported stands in the audit entry beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.errors import Conflict, IdempotencyKeyReused, Invalid, StaleVersion
from domain.model.account import normalised_login
from domain.ports.access import AccessState, AccountRecord
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Command, Role
from domain.ports.keys import RecordClass, Sealer
from domain.ports.ledger import Ledger, Recordable
from domain.services.access import Access, Action

_WRITERS: Final = frozenset((Role.CLINICIAN, Role.SUPERVISOR))


class ImportedDifferently(Conflict):
    """An import adds what is not there; it never merges and never overwrites what people wrote since."""

    code = "imported_differently"
    message = "This client was imported before, and reads differently in this file."
    hint = "Correct the record itself; or name another --source, if these are other people."


class NotAnAuthor(Invalid):
    code = "not_an_author"
    message = "There is no usable account of a clinician or supervisor with this login."
    hint = "Make it first, or correct the login; `anamnesis account create` makes accounts."


class Taken(StrEnum):
    """What became of a client of the source."""

    WRITTEN = "written"
    THERE_ALREADY = "there_already"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRecord:
    """One client: the chart first, then everything of theirs, each aggregate with its events still pending.

    `digest` is `Names.digest` of what the source tells, so that a second import knows whether it tells the same.
    """

    client_id: UUID
    digest: bytes
    aggregates: tuple[Recordable, ...]


class Names:
    """Ids for what a source calls by names of its own: HMACs, so the same name gets the same id at every run in this
    deployment, and nobody outside can tell which name it was.
    """

    def __init__(self, sealer: Sealer, source: str) -> None:
        """`source` keeps the names of different sources apart."""
        self._sealer = sealer
        self._source = source.encode()

    def id(self, kind: str, *names: str) -> UUID:
        """The id of the thing of this kind and name; marked as random, which it looks."""
        return UUID(bytes=self._mac("import-id", kind, *names)[:16], version=4)

    def digest(self, content: str) -> bytes:
        """Tells contents apart without holding them. Only for the importing program and the row of its command."""
        return self._mac("import-content", content)

    def _mac(self, label: str, *parts: str) -> bytes:
        return self._sealer.mac(label, self._source, *(part.encode("utf-8", "surrogatepass") for part in parts))


class ImportService:
    """For the host: whoever may run commands there holds the root key already."""

    def __init__(self, *, ledger: Ledger, access: Access, state: AccessState, sealer: Sealer) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._sealer = sealer

    def names(self, source: str) -> Names:
        """Ids for the things of a source."""
        return Names(self._sealer, source)

    def author(self, login: str, *, disabled: bool = False) -> AccountRecord:
        """The account that answers for imported entries; `disabled` ones wrote in their time. Raises NotAnAuthor, which
        doesn't tell why, and Invalid for what is no login.
        """
        account = self._state.account_by_login(normalised_login(login))
        if account is None or (account.disabled and not disabled) or account.role not in _WRITERS:
            raise NotAnAuthor
        return account

    def is_account(self, account_id: UUID) -> bool:
        """Whether there is an account of this id here, usable or not."""
        return self._state.account(account_id) is not None

    def take(self, call: Call, record: ImportedRecord) -> Taken:
        """Write one client, unless they are there. Killed at any point, it has written all of it or nothing.

        Raises Denied, ImportedDifferently, Erased, StoreUnavailable, KeysUnavailable.
        """
        became = self.look(call, record)
        if became is Taken.THERE_ALREADY:
            return became
        try:
            return self._written(self._command(call, "client", [record]), [record])
        except StaleVersion:  # among all the clients of another import at this moment
            if self.look(call, record) is Taken.THERE_ALREADY:
                return Taken.THERE_ALREADY
            raise

    def look(self, call: Call, record: ImportedRecord) -> Taken:
        """What `take` would do. Raises Denied, ImportedDifferently, StoreUnavailable."""
        self._require(call, record)
        if self._told_before(self._command(call, "client", [record])) or self._known(record):
            return Taken.THERE_ALREADY
        return Taken.WRITTEN

    def take_all(self, call: Call, records: Sequence[ImportedRecord]) -> Sequence[Taken]:
        """Write all of them in one append, or none; those who are there already stay as they are. Raises as `take`."""
        while True:
            taken = [self.look(call, record) for record in records]
            new = [record for record, became in zip(records, taken, strict=True) if became is Taken.WRITTEN]
            if not new:
                return taken
            try:
                became = self._written(self._command(call, "clients", new), new)
            except StaleVersion:  # some of them were written by another import at this moment: then they are there
                if all(self.look(call, record) is Taken.WRITTEN for record in new):
                    raise
            else:
                return [became if one is Taken.WRITTEN else one for one in taken]

    def _written(self, call: Call, records: Sequence[ImportedRecord]) -> Taken:
        """One append; another import may have made the same one at this moment. Raises ImportedDifferently, StaleVersion."""
        first, *others = records
        together = [aggregate for record in records for aggregate in record.aggregates]
        more = [_entry(record) for record in others]
        try:
            receipt = self._ledger.save(call, _entry(first), *together, more=more)
        except IdempotencyKeyReused:
            raise ImportedDifferently from None
        return Taken.THERE_ALREADY if receipt.replayed else Taken.WRITTEN

    def _require(self, call: Call, record: ImportedRecord) -> None:
        self._access.require(call, Action.IMPORT_RUN, RecordClass.JOURNAL, resources=(record.client_id,))

    def _known(self, record: ImportedRecord) -> bool:
        return self._state.client_exists(record.client_id)

    def _told_before(self, call: Call) -> bool:
        try:
            return self._ledger.replay(call) is not None
        except IdempotencyKeyReused:
            raise ImportedDifferently from None

    def _command(self, call: Call, scope: str, records: Sequence[ImportedRecord]) -> Call:
        """The same clients are the same command; another digest makes it a different one under the same id."""
        ids = sorted(record.client_id.bytes for record in records)
        named = self._sealer.mac("import-command", scope.encode(), *ids)
        fingerprint = self._sealer.mac("import-fingerprint", *(record.digest for record in records))
        return replace(call, command=Command(id=UUID(bytes=named[:16]), fingerprint=fingerprint))


def _entry(record: ImportedRecord) -> AuditEntry:
    ids = tuple(aggregate.id for aggregate in record.aggregates)
    return AuditEntry(action=Action.IMPORT_RUN, client_id=record.client_id, resources=ids)
