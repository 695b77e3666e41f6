"""Break-glass access, custodians of notes, and grants that jobs act under."""

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
