"""Identities that providers vouch for, and when programs last used their secrets.

Second factors, links and how sign-ins began stand in the events of accounts and sign-ins, which need no tables here.
"""

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
        "linked_identities",
        sa.Column("mac", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("mac", name="pk_linked_identities"),
    )
    op.create_index("ix_linked_identities_account_id", "linked_identities", ["account_id", "link_id"])
    op.create_table(
        "secret_uses",
        sa.Column("secret_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("used_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("secret_id", name="pk_secret_uses"),
    )
    op.create_index("ix_secret_uses_account_id", "secret_uses", ["account_id"])
    if op.get_bind().dialect.name != "sqlite":
        grant(APPLICATION, dict.fromkeys(("linked_identities", "secret_uses"), "SELECT, INSERT, UPDATE, DELETE"))
