"""Legal holds, erasures and the leases of processes."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _legal_holds()
    _erasures()
    _process_leases()
    # Ways to what is a client's, for an erasure looks for it while it holds the lock of the log.
    op.create_index("ix_snapshots_subject", "snapshots", ["subject"])
    op.create_index("ix_accounts_client_id", "accounts", ["client_id"])
    if op.get_bind().dialect.name != "sqlite":
        changed = ("legal_holds", "erasures", "process_leases")
        grant(APPLICATION, dict.fromkeys(changed, "SELECT, INSERT, UPDATE, DELETE"))


def _legal_holds() -> None:
    op.create_table(
        "legal_holds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("placed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("lifted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_legal_holds"),
    )
    op.create_index("ix_legal_holds_client_id", "legal_holds", ["client_id", "lifted"])


def _erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("classes", sa.String(length=200), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("requested_at_us", sa.BigInteger(), nullable=False),
        sa.Column("due_at_us", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("redacted", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_client_id", "erasures", ["client_id"])
    op.create_index("ix_erasures_state", "erasures", ["state", "due_at_us"])
    op.create_index("ix_erasures_number", "erasures", ["number"])


def _process_leases() -> None:
    op.create_table(
        "process_leases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("part", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=64), nullable=False),
        sa.Column("started_at_us", sa.BigInteger(), nullable=False),
        sa.Column("renewed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.Column("acknowledged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_process_leases"),
    )
