"""Destroyed keys stay destroyed: a row whose key is gone is neither filled again nor removed, by whomever.

Only a person who may drop triggers gets past them, with an old copy of the row and the root that wraps it.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_REVIVED = "OLD.destroyed_at_us IS NOT NULL AND (NEW.wrapped IS NOT NULL OR NEW.destroyed_at_us IS NULL)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _trigger_sqlite("UPDATE", _REVIVED)
        _trigger_sqlite("DELETE", "OLD.destroyed_at_us IS NOT NULL")
        return
    op.execute(
        "CREATE FUNCTION refuse_revival() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING ERRCODE = 'restrict_violation', "
        "MESSAGE = 'a destroyed key stays destroyed'; END $$"
    )
    _trigger_postgresql("UPDATE", _REVIVED)
    _trigger_postgresql("DELETE", "OLD.destroyed_at_us IS NOT NULL")


def _trigger_sqlite(command: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER keys_refuse_revival_{command.lower()} BEFORE {command} ON keys WHEN {when} "
        "BEGIN SELECT RAISE(ABORT, 'a destroyed key stays destroyed'); END"
    )


def _trigger_postgresql(command: str, when: str) -> None:
    name = f"keys_refuse_revival_{command.lower()}"
    op.execute(
        f"CREATE TRIGGER {name} BEFORE {command} ON keys FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION refuse_revival()"
    )
    op.execute(f"ALTER TABLE keys ENABLE ALWAYS TRIGGER {name}")
