"""Second factors, sign-ins as people list them, and identities that providers vouch for."""

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass
