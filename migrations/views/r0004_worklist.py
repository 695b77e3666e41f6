"""Facts for the work list, and whom it waits for."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "worklist",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("as_of", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", name="pk_worklist"),
    )
    op.create_table(
        "worklist_accounts",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "client_id", name="pk_worklist_accounts"),
    )
    op.create_index("ix_worklist_accounts_client_id", "worklist_accounts", ["client_id"])
    if op.get_bind().dialect.name != "sqlite":
        allowed = "SELECT, INSERT, UPDATE, DELETE"
        grant(APPLICATION, {"worklist": allowed, "worklist_accounts": allowed})
