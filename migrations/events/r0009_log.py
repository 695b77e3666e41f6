"""Checkpoints that were published, and how the last try to publish ended."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "checkpoints",
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("published_at_us", sa.BigInteger(), nullable=False),
        sa.Column("cosignatures", sa.SmallInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", "size", name="pk_checkpoints"),
    )
    op.create_table(
        "checkpoint_attempts",
        sa.Column("incarnation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tried_at_us", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("incarnation", name="pk_checkpoint_attempts"),
    )
    if op.get_bind().dialect.name != "sqlite":
        grant(APPLICATION, {"checkpoints": "SELECT, INSERT", "checkpoint_attempts": "SELECT, INSERT, UPDATE"})
