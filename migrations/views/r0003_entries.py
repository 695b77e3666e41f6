"""Entries whose kind is sealed, and what is kept beside their content. Rows of the journey have another shape from here
on: `anamnesis rebuild-views journey`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journey_items", sa.Column("detail", sa.LargeBinary()))
    op.add_column("caseload", sa.Column("last_position", sa.BigInteger()))
