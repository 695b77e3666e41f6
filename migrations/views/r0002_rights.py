"""Rights: the application may change any row of a view, for all of them can be built again."""

from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import ensure_roles, grant, keep_schema_to_its_owner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TABLES = ("view_tracking", "parked_events", "view_fences", "journey_items", "caseload", "audit_entries")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # one file, one owner: who may open it may do all
    ensure_roles(APPLICATION)
    keep_schema_to_its_owner()
    allowed = dict.fromkeys(_TABLES, "SELECT, INSERT, UPDATE, DELETE")
    grant(APPLICATION, {**allowed, "alembic_views": "SELECT"})
