"""Destroying keys: the wrapped bytes go, the row stays and says when. No root is needed for it, neither of the two."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from adapters.db.errors import translated
from adapters.db.transactions import read_transaction, write_transaction
from adapters.keys.book import ORGANISATION, lock_owner
from adapters.keys.hierarchy import CLIENT_KEY, CLIENT_NOTES_KEY
from adapters.keys.tables import keys
from domain.ports.keys import RecordClass

_TOMBSTONES: Final = (CLIENT_KEY, CLIENT_NOTES_KEY)
"""Whoever makes a data key for a client takes the client's own key for it, or makes one: never again."""
_LIVING: Final = or_(keys.c.wrapped.is_not(None), keys.c.destroyed_at_us.is_(None))


class KeyDestruction:
    """Every method raises KeysUnavailable, and may be repeated. Times in microseconds since 1970, UTC."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def destroy_owner(self, owner: UUID, at_us: int) -> int:
        """All keys of a client: both client keys, of either root, and every data key, each class and epoch; how many are
        destroyed, now or before. No key is made for this client again.
        """
        self._refuse_organisation(owner)
        with translated("keys"), write_transaction(self._engine) as connection:
            lock_owner(connection, owner)
            self._bury(connection, owner, at_us)
            self._destroy(connection, at_us, keys.c.owner == owner)
            return self._count(connection, keys.c.owner == owner)

    def destroy_classes(self, owner: UUID, classes: Sequence[RecordClass], at_us: int) -> int:
        """The data keys of some classes, every epoch; how many are destroyed, now or before. Nothing is sealed under these
        classes for this client again.
        """
        self._refuse_organisation(owner)
        chosen = and_(keys.c.owner == owner, keys.c.key_class.in_([each.value for each in classes]))
        with translated("keys"), write_transaction(self._engine) as connection:
            lock_owner(connection, owner)
            self._destroy(connection, at_us, chosen)
            return self._count(connection, chosen)

    def audit_keys_before(self, created_before_us: int) -> Sequence[UUID]:
        """Living keys of the audit trail, each of which served one day, made earlier."""
        chosen = and_(
            keys.c.owner == ORGANISATION,
            keys.c.key_class == RecordClass.AUDIT.value,
            keys.c.created_at_us < created_before_us,
            _LIVING,
        )
        with translated("keys"), read_transaction(self._engine) as connection:
            return tuple(connection.execute(select(keys.c.id).where(chosen).order_by(keys.c.created_at_us)).scalars())

    def made_last(self, key_ids: Sequence[UUID]) -> int:
        """When the youngest of these keys was made, destroyed or not; 0 where there is none."""
        chosen = select(func.max(keys.c.created_at_us)).where(keys.c.id.in_(key_ids))
        with translated("keys"), read_transaction(self._engine) as connection:
            return int(connection.execute(chosen).scalar_one() or 0)

    def destroy_audit_keys(self, key_ids: Sequence[UUID], at_us: int) -> int:
        """How many of them are destroyed, now or before; keys of another class are left alone."""
        chosen = and_(keys.c.owner == ORGANISATION, keys.c.key_class == RecordClass.AUDIT.value, keys.c.id.in_(key_ids))
        with translated("keys"), write_transaction(self._engine) as connection:
            lock_owner(connection, ORGANISATION)
            self._destroy(connection, at_us, chosen)
            return self._count(connection, chosen)

    def _bury(self, connection: Connection, owner: UUID, at_us: int) -> None:
        for key_class in _TOMBSTONES:
            row = {
                "id": uuid4(),
                "owner": owner,
                "key_class": key_class,
                "epoch": 1,
                "wrapped_by": "",
                "wrapped": None,
                "reserved": 0,
                "created_at_us": at_us,
                "destroyed_at_us": at_us,
            }
            connection.execute(self._insert(keys).values(row).on_conflict_do_nothing())

    @staticmethod
    def _destroy(connection: Connection, at_us: int, chosen: Any) -> None:
        connection.execute(update(keys).where(chosen, _LIVING).values(wrapped=None, destroyed_at_us=at_us))

    @staticmethod
    def _count(connection: Connection, chosen: Any) -> int:
        real = keys.c.wrapped_by != ""
        return int(connection.execute(select(func.count()).select_from(keys).where(chosen, real)).scalar_one())

    @staticmethod
    def _refuse_organisation(owner: UUID) -> None:
        if owner == ORGANISATION:
            raise ValueError("the organisation's keys are not a client's to destroy")
