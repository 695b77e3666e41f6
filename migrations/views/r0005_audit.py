"""Audit entries by role, purpose, origin, principal and every client they name; what was done stands in them as a number
whose meaning is sealed. Rows have another shape from here on: projections build them anew from the log.
"""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("audit_kinds", "audit_entries", "audit_clients")


def upgrade() -> None:
    op.drop_table("audit_entries")
    _audit_kinds()
    _audit_entries()
    _audit_clients()
    if op.get_bind().dialect.name != "sqlite":
        grant(APPLICATION, dict.fromkeys(_TABLES, "SELECT, INSERT, UPDATE, DELETE"))


def _audit_kinds() -> None:
    op.create_table(
        "audit_kinds",
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.String(length=1024), nullable=False),
        sa.PrimaryKeyConstraint("kind", name="pk_audit_kinds"),
    )


def _audit_entries() -> None:
    position = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_entries",
        sa.Column("position", position, autoincrement=False, nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Uuid()),
        sa.Column("resources", sa.LargeBinary(), nullable=False),
        sa.Column("clients", sa.LargeBinary(), nullable=False),
        sa.Column("on_behalf_of", sa.Uuid()),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_recorded_at_us", "audit_entries", ["recorded_at_us"])
    op.create_index("ix_audit_entries_kind", "audit_entries", ["kind", "position"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "position"])
    op.create_index("ix_audit_entries_actor_kind", "audit_entries", ["actor_id", "kind", "position"])
    op.create_index("ix_audit_entries_origin", "audit_entries", ["origin", "position"])
    op.create_index(
        "ix_audit_entries_on_behalf_of",
        "audit_entries",
        ["on_behalf_of", "position"],
        sqlite_where=sa.text("on_behalf_of IS NOT NULL"),
        postgresql_where=sa.text("on_behalf_of IS NOT NULL"),
    )


def _audit_clients() -> None:
    op.create_table(
        "audit_clients",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "position", "kind", "actor_id", name="pk_audit_clients"),
        sqlite_with_rowid=False,
    )
