"""Runs Alembic from code: one chain of revisions a database, no configuration file, from a checkout or a wheel.

An upgrade is one transaction, schema changes included, on both databases. Upgrades that start at the same time run one
after the other, and the later ones find nothing to do. There is no way down: a release that can't read the newer tables
is brought back together with a back-up from before.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import Lock
from typing import Any, Final

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from migrations.errors import MigrationRefused
from migrations.revisions import CHAINS, Chain, current, folder, head, known, version_table

__all__ = ["CHAINS", "Chain", "MigrationRefused", "Upgrade", "current", "head", "known", "upgrade", "version_table"]

# Any number that nothing else locks in this database: "anam" in ASCII, and the chain.
_LOCK: Final = 0x616E616D
# Revisions speak to their database through `alembic.op`, of which a process has one.
_RUNNING: Final = Lock()


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What an upgrade did: `before` None on an empty database, `applied` the revisions it ran, oldest first."""

    chain: Chain
    before: str | None
    after: str
    applied: tuple[str, ...]

    def __str__(self) -> str:
        if not self.applied:
            return f"{self.chain}: at revision {self.after} already"
        return f"{self.chain}: {self.before or 'empty'} → {self.after} ({', '.join(self.applied)})"


@cache
def _scripts(chain: Chain) -> ScriptDirectory:
    place = str(folder(chain))
    return ScriptDirectory(place, version_locations=[place])


def upgrade(engine: Engine, chain: Chain, revision: str = "head") -> Upgrade:
    """Bring a database to `revision`. Raises MigrationRefused (codes `database_newer`, `downgrade_not_offered`,
    `revision_unknown`, `roles_missing`) and what the driver raises; then nothing was changed.

    The engine comes from `adapters.db`: on SQLite its option `sqlite_begin` lets the transaction begin with the lock.
    """
    wanted = head(chain) if revision == "head" else revision
    if wanted not in known(chain):
        raise MigrationRefused(
            "revision_unknown",
            f"This release has no revision {wanted} for the {chain} database; it knows {', '.join(known(chain))}.",
            "Name one of these, or none for the newest.",
        )
    with _locked(engine, chain) as connection:
        before = _context(connection, chain).get_current_revision()
        applied = _path(chain, before, wanted)
        if applied:
            _run(connection, chain, wanted)
    return Upgrade(chain, before, wanted, applied)


def _path(chain: Chain, before: str | None, wanted: str) -> tuple[str, ...]:
    revisions = known(chain)
    if before is not None and before not in revisions:
        raise MigrationRefused(
            "database_newer",
            f"The {chain} database was written by a newer release: it is at revision {before}; "
            f"this release knows up to {revisions[-1]}.",
            "Run that release or a newer one.",
        )
    start = 0 if before is None else revisions.index(before) + 1
    end = revisions.index(wanted) + 1
    if end < start:
        raise MigrationRefused(
            "downgrade_not_offered",
            f"The {chain} database is at revision {before}; going back to {wanted} is not offered, because it would "
            "lose what newer releases wrote.",
            "Restore a back-up from before the migration, together with the release that wrote it.",
        )
    return revisions[start:end]


@contextmanager
def _locked(engine: Engine, chain: Chain) -> Iterator[Connection]:
    """A transaction that no other upgrade of this database runs beside."""
    with engine.connect() as connection:
        connection.execution_options(sqlite_begin="IMMEDIATE")
        with connection.begin():
            if engine.dialect.name == "postgresql":
                # Other upgrades may take longer than a statement is let wait otherwise.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:lock, :chain)"), {"lock": _LOCK, "chain": CHAINS.index(chain)}
                )
            yield connection


def _context(connection: Connection, chain: Chain, **options: Any) -> MigrationContext:
    return MigrationContext.configure(
        connection, opts={"version_table": version_table(chain), "transactional_ddl": True, **options}
    )


def _run(connection: Connection, chain: Chain, wanted: str) -> None:
    scripts = _scripts(chain)

    def steps(revision: Any, _context: MigrationContext) -> Any:
        return scripts._upgrade_revs(wanted, revision)  # noqa: SLF001 - what alembic.command.upgrade calls as well

    context = _context(connection, chain, fn=steps)
    with _RUNNING, Operations.context(context):
        context.run_migrations()
