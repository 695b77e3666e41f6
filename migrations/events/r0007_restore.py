"""What a restore leaves on record: one row an incarnation that it opened, which also says how far it has come."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "restores",
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("backup", sa.String(length=64), nullable=False),
        sa.Column("kept", sa.BigInteger(), nullable=False),
        sa.Column("stage", sa.String(length=16), nullable=False),
        sa.Column("begun_at_us", sa.BigInteger(), nullable=False),
        sa.Column("finished_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", name="pk_restores"),
    )
    if op.get_bind().dialect.name != "sqlite":
        # Restoring is for the owner of the tables; everybody else only asks whether one is unfinished.
        grant(APPLICATION, {"restores": "SELECT"})
