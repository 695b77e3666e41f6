"""Read models and the positions they were built to."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _view_tracking()
    _parked_events()
    _view_fences()
    _journey_items()
    _caseload()
    _audit_entries()


def _view_tracking() -> None:
    op.create_table(
        "view_tracking",
        sa.Column("projection", sa.String(length=100), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("rebuild_until", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.Uuid(), nullable=False),
        sa.Column("incarnation", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("moved_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("projection", name="pk_view_tracking"),
    )


def _parked_events() -> None:
    op.create_table(
        "parked_events",
        sa.Column("projection", sa.String(length=100), nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("parked_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("projection", "position", name="pk_parked_events"),
    )


def _view_fences() -> None:
    op.create_table(
        "view_fences",
        sa.Column("subject", sa.Uuid(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_view_fences"),
    )


def _journey_items() -> None:
    op.create_table(
        "journey_items",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("happened_at_us", sa.BigInteger(), nullable=False),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("first_position", sa.BigInteger(), nullable=False),
        sa.Column("positions", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", "client_id", name="pk_journey_items"),
    )
    op.create_index("ix_journey_items_order", "journey_items", ["client_id", "happened_at_us", "first_position"])


def _caseload() -> None:
    op.create_table(
        "caseload",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("sessions", sa.Integer(), nullable=False),
        sa.Column("unsigned_sessions", sa.Integer(), nullable=False),
        sa.Column("last_session_at_us", sa.BigInteger()),
        sa.Column("identity", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("client_id", name="pk_caseload"),
    )


def _audit_entries() -> None:
    op.create_table(
        "audit_entries",
        sa.Column(
            "position", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("recorded_at_us", sa.BigInteger(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=False),
        sa.Column("actor_role", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("client_id", sa.Uuid()),
        sa.Column("resources", sa.LargeBinary(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("origin", sa.String(length=200), nullable=False),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_entries"),
    )
    op.create_index("ix_audit_entries_action", "audit_entries", ["action", "position"])
    op.create_index("ix_audit_entries_actor", "audit_entries", ["actor_id", "position"])
    op.create_index("ix_audit_entries_actor_action", "audit_entries", ["actor_id", "action", "position"])
    op.create_index(
        "ix_audit_entries_client",
        "audit_entries",
        ["client_id", "position"],
        sqlite_where=sa.text("client_id IS NOT NULL"),
        postgresql_where=sa.text("client_id IS NOT NULL"),
    )
    op.create_index(
        "ix_audit_entries_not_allowed",
        "audit_entries",
        ["outcome", "position"],
        sqlite_where=sa.text("outcome != 'allowed'"),
        postgresql_where=sa.text("outcome != 'allowed'"),
    )
    op.create_index("ix_audit_entries_recorded_at_us", "audit_entries", ["recorded_at_us"])
