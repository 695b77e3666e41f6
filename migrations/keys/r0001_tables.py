"""Roots and wrapped keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _roots()
    _keys()


def _roots() -> None:
    op.create_table(
        "roots",
        sa.Column("generation", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=16), nullable=False),
        sa.Column("check_value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_at_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("generation", name="pk_roots"),
    )


def _keys() -> None:
    op.create_table(
        "keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("owner", sa.Uuid(), nullable=False),
        sa.Column("class", sa.String(length=32), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("wrapped_by", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary()),
        sa.Column("reserved", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("destroyed_at_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_keys"),
        sa.UniqueConstraint("owner", "class", "epoch", name="uq_keys_owner_class_epoch"),
    )
    op.create_index("ix_keys_wrapped_by", "keys", ["wrapped_by"])
