"""Ways into a chart that somebody must look at afterwards, and places in a care team that end by themselves."""

import sqlalchemy as sa
from alembic import op

from migrations.role_names import APPLICATION
from migrations.roles import grant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("care_team", sa.Column("until_us", sa.BigInteger(), nullable=False, server_default="0"))
    op.create_table(
        "exceptional_access",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_at_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("review_due_us", sa.BigInteger(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_exceptional_access"),
    )
    op.create_index("ix_exceptional_access_client_id", "exceptional_access", ["client_id", "account_id", "until_us"])
    op.create_index("ix_exceptional_access_account_id", "exceptional_access", ["account_id", "opened_at_us"])
    op.create_index("ix_exceptional_access_opened_at_us", "exceptional_access", ["opened_at_us", "id"])
    _notes_folders()
    if op.get_bind().dialect.name != "sqlite":
        grant(APPLICATION, {"notes_folders": "SELECT, INSERT, UPDATE, DELETE"})
        grant(APPLICATION, {"exceptional_access": "SELECT, INSERT, UPDATE, DELETE"})


def _notes_folders() -> None:
    """Who keeps whose psychotherapy notes about whom."""
    op.create_table(
        "notes_folders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        sa.Column("custodian_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("id", name="pk_notes_folders"),
    )
    op.create_index("ix_notes_folders_client_id", "notes_folders", ["client_id"])
    op.create_index("ix_notes_folders_author_id", "notes_folders", ["author_id", "client_id"])
    op.create_index("ix_notes_folders_custodian_id", "notes_folders", ["custodian_id", "client_id"])
