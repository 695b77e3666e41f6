"""Names of the roles of PostgreSQL, apart from what makes them: every process asks for one, and needs no Alembic."""

from typing import Final

APPLICATION: Final = "anamnesis_app"
"""What API, projections and worker work as: they add to the log and never change it."""
RETENTION: Final = "anamnesis_retention"
"""What removes states at the end of retention or on erasure, and old command rows; nothing else."""
