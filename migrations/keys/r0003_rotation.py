"""Generations of roots, one after the other: who took over, and since when nothing hangs from the earlier one."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("roots", sa.Column("succeeded_by", sa.String(length=64)))
    op.add_column("roots", sa.Column("retired_at_us", sa.BigInteger()))
