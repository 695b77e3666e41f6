"""Agreements with those who receive data: which there are. What each says is in its events, sealed."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "agreements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_agreements"),
    )
    if op.get_bind().dialect.name != "sqlite":
        # Rows go when the access tables are made anew.
        grant(APPLICATION, {"agreements": "SELECT, INSERT, DELETE"})
