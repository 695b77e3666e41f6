"""What audit entries say in codes (role, action, outcome, reason, purpose), kept as a number each row refers to.

A combination that occurs a million times is written once. Its number is drawn at random and what it stands for is sealed
under a key of the organisation: whoever reads the view database sees which entries are alike, not what was done.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from secrets import randbelow
from threading import Lock
from typing import Final, NamedTuple

import orjson
from sqlalchemy import Connection, select

from adapters.views.bulk import insert_rows
from adapters.views.tables import audit_kinds
from domain.errors import Invalid, SealBroken
from domain.ports.keys import TokenSealer

PURPOSE: Final = "audit-kind"
_BEYOND: Final = 2**31 - 1


class Codes(NamedTuple):
    """What an entry says in codes."""

    role: str
    action: str
    outcome: str
    reason: str
    purpose: str


class AuditKinds:
    """The numbers of one view database, opened once a process and number. Serves all threads."""

    def __init__(self, tokens: TokenSealer) -> None:
        self._tokens = tokens
        self._opened: dict[tuple[int, str], Codes] = {}
        self._numbers: dict[Codes, int] = {}
        self._lock = Lock()

    def all(self, connection: Connection) -> Mapping[int, Codes]:
        """Every number in use. Raises SealBroken for a row that was made up or altered, KeysUnavailable."""
        rows = connection.execute(select(audit_kinds.c.kind, audit_kinds.c.sealed)).all()
        return {kind: self._codes(kind, sealed) for kind, sealed in rows}

    def of(self, connection: Connection, kinds: Iterable[int]) -> Mapping[int, Codes]:
        """Those of these numbers. Raises as `all`."""
        wanted = audit_kinds.c.kind.in_(set(kinds))
        rows = connection.execute(select(audit_kinds.c.kind, audit_kinds.c.sealed).where(wanted)).all()
        return {kind: self._codes(kind, sealed) for kind, sealed in rows}

    def numbered(self, connection: Connection, codes: Collection[Codes]) -> Mapping[Codes, int]:
        """Their numbers, drawn and written where they have none. Inside the transaction that refers to them."""
        wanted = set(codes)
        known = {each: self._numbers[each] for each in wanted if each in self._numbers}
        there = self.of(connection, known.values())
        if len(known) < len(wanted) or any(there.get(kind) != each for each, kind in known.items()):
            known = {each: kind for kind, each in self.all(connection).items()}
            known |= self._drawn(connection, sorted(wanted - known.keys()), set(known.values()))
            # Kept although the transaction may yet fail: numbers are looked up again before they are used.
            self._numbers = dict(known)
        return {each: known[each] for each in wanted}

    def _drawn(self, connection: Connection, codes: Sequence[Codes], taken: set[int]) -> dict[Codes, int]:
        drawn: dict[Codes, int] = {}
        for each in codes:
            kind = 1 + randbelow(_BEYOND)
            while kind in taken:
                kind = 1 + randbelow(_BEYOND)
            taken.add(kind)
            drawn[each] = kind
        rows = [(kind, self._tokens.seal_token(PURPOSE, orjson.dumps((kind, *each)))) for each, kind in drawn.items()]
        insert_rows(connection, audit_kinds, rows)
        return drawn

    def _codes(self, kind: int, sealed: str) -> Codes:
        with self._lock:
            known = self._opened.get((kind, sealed))
        if known is not None:
            return known
        try:
            number, *codes = orjson.loads(self._tokens.open_token(PURPOSE, sealed))
        except Invalid as exc:
            raise SealBroken("A code of the audit view does not open.") from exc
        if number != kind:
            raise SealBroken("A code of the audit view stands under another number.")
        with self._lock:
            return self._opened.setdefault((kind, sealed), Codes(*codes))
