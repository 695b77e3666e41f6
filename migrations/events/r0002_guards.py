"""Guards: events, tiles and openings of the log can be added to and never changed, but for removing a state.

Triggers hold for everyone, the owner of the tables included; on PostgreSQL the roles leave the application no right to
try. Only a person who may drop triggers gets past them, and then the log's hashes tell.
"""

from alembic import op

from migrations.role_names import APPLICATION, RETENTION
from migrations.roles import ensure_roles, grant, keep_schema_to_its_owner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ENVELOPE = (
    "position",
    "stream",
    "version",
    "topic",
    "subject",
    '"class"',
    "key_id",
    "incarnation",
    "recorded_at_us",
    "state_hash",
    "leaf",
)
_CHANGEABLE = (
    "snapshots",
    "tracking",
    "accounts",
    "sign_ins",
    "clients",
    "care_team",
    "consents",
    "identity_lookup",
    "drafts",
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _sqlite_triggers()
        return
    _postgresql_triggers()
    ensure_roles(APPLICATION, RETENTION)
    keep_schema_to_its_owner()
    _postgresql_rights()


def _sqlite_triggers() -> None:
    same = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in _ENVELOPE)
    _sqlite_trigger("events", "UPDATE", f"WHEN NEW.state IS NOT NULL OR NOT ({same})")
    _sqlite_trigger("events", "DELETE")
    for table in ("tiles", "deployment"):
        _sqlite_trigger(table, "UPDATE")
        _sqlite_trigger(table, "DELETE")


def _sqlite_trigger(table: str, command: str, when: str = "") -> None:
    op.execute(
        f"CREATE TRIGGER {table}_refuse_{command.lower()} BEFORE {command} ON {table} {when} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: {command} refused'); END"
    )


def _postgresql_triggers() -> None:
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "RAISE EXCEPTION USING ERRCODE = 'restrict_violation', "
        "MESSAGE = format('%s is append-only: %s refused', TG_TABLE_NAME, TG_OP); END $$"
    )
    old, new = (", ".join(f"{row}.{column}" for column in _ENVELOPE) for row in ("OLD", "NEW"))
    changed = f"WHEN (NEW.state IS NOT NULL OR ({old}) IS DISTINCT FROM ({new}))"
    _postgresql_trigger("events", "UPDATE", f"FOR EACH ROW {changed}")
    _postgresql_trigger("events", "DELETE", "FOR EACH ROW")
    for table in ("tiles", "deployment"):
        _postgresql_trigger(table, "UPDATE", "FOR EACH ROW")
        _postgresql_trigger(table, "DELETE", "FOR EACH ROW")
    for table in ("events", "tiles", "deployment"):
        _postgresql_trigger(table, "TRUNCATE", "FOR EACH STATEMENT")


def _postgresql_trigger(table: str, command: str, scope: str) -> None:
    name = f"{table}_refuse_{command.lower()}"
    op.execute(f"CREATE TRIGGER {name} BEFORE {command} ON {table} {scope} EXECUTE FUNCTION refuse_change()")
    # ALWAYS: session_replication_role = replica would switch an ordinary trigger off.
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}")


def _postgresql_rights() -> None:
    added = dict.fromkeys(("events", "tiles", "deployment", "commands", "fences"), "SELECT, INSERT")
    changed = dict.fromkeys(_CHANGEABLE, "SELECT, INSERT, UPDATE, DELETE")
    grant(APPLICATION, {**added, **changed, "alembic_events": "SELECT"})
    grant(
        RETENTION,
        {
            "events": "SELECT, UPDATE (state)",
            "commands": "SELECT, DELETE",
            "fences": "SELECT",
            "deployment": "SELECT",
            "alembic_events": "SELECT",
        },
    )
