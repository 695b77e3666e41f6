"""Roles of PostgreSQL, which belong to the server and not to one database: made once, granted in each."""

from collections.abc import Mapping

from alembic import op
from sqlalchemy import Connection, text

from migrations.errors import MigrationRefused


def ensure_roles(*names: str) -> None:
    """Create the roles that are missing, without sign-in. Raises MigrationRefused (`roles_missing`) when the migrating
    account may not: the hint holds what an administrator has to run.
    """
    connection = op.get_bind()
    found = connection.execute(text("SELECT rolname FROM pg_roles WHERE rolname = ANY(:names)"), {"names": list(names)})
    missing = sorted(set(names) - set(found.scalars()))
    if not missing:
        return
    account, may_create = connection.execute(
        text("SELECT current_user, rolsuper OR rolcreaterole FROM pg_roles WHERE rolname = current_user")
    ).one()
    quoted = connection.dialect.identifier_preparer.quote_identifier(account)
    if not may_create:
        commands = [f"CREATE ROLE {name} NOLOGIN; GRANT {name} TO {quoted};" for name in missing]
        raise MigrationRefused(
            "roles_missing",
            f"The roles {', '.join(missing)} do not exist, and the account {account} may not create roles.",
            f"Have an administrator run: {' '.join(commands)} Then migrate again.",
        )
    for name in missing:
        _create(connection, name, quoted)


def _create(connection: Connection, name: str, account: str) -> None:
    # Another database of the same server may be migrated at this moment; advisory locks don't reach across databases.
    connection.exec_driver_sql(
        f"DO $$ BEGIN CREATE ROLE {name} NOLOGIN; GRANT {name} TO {account}; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def grant(role: str, rights: Mapping[str, str]) -> None:
    """Give `role` rights on tables of the current schema: table → rights, as SQL writes them."""
    op.execute(f"DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA %I TO {role}', current_schema()); END $$")
    for table, allowed in rights.items():
        op.execute(f"GRANT {allowed} ON {table} TO {role}")


def keep_schema_to_its_owner() -> None:
    """Nobody but the owner may create things in the schema (before PostgreSQL 15 everybody could in `public`)."""
    op.execute(
        "DO $$ BEGIN IF (SELECT pg_has_role(current_user, nspowner, 'USAGE') FROM pg_namespace "
        "WHERE nspname = current_schema()) THEN "
        "EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', current_schema()); END IF; END $$"
    )
