"""Rights: the application adds keys and changes them (reserving, rotating, destroying), and sweeps keys without use."""

from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import ensure_roles, grant, keep_schema_to_its_owner

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return  # one file, one owner: who may open it may do all
    ensure_roles(APPLICATION)
    keep_schema_to_its_owner()
    grant(
        APPLICATION,
        {
            "roots": "SELECT, INSERT, UPDATE",
            "keys": "SELECT, INSERT, UPDATE, DELETE",
            "alembic_keys": "SELECT",
        },
    )
