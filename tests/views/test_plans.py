"""Searches of the audit trail go down the index that narrows most, newest first; none reads the trail."""

import re
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event, text

from adapters.db.engines import write_transaction
from adapters.views.audit import SqlAuditView
from adapters.views.bulk import insert_rows
from adapters.views.tables import VIEWS, audit_entries
from adapters.views.times import from_us
from adapters.views.tracking import ViewTracking

ENTRIES = 20_000
FIRST_US = 1_700_000_000_000_000


def number(n: int) -> bytes:
    return UUID(int=n + 1).bytes


def entry(n: int) -> tuple:
    outcome = "denied" if n % 500 == 0 else "allowed"
    actor, client, action = n % 40, n % 997, f"session.{n % 7}"
    at_us = FIRST_US + n // 3 * 1_000_000
    ids = (number(n), number(actor))
    return (n + 1, at_us, *ids, "clinician", action, number(client), b"", outcome, "", "treatment", "x", bytes(32))


@pytest.fixture
def audit(databases) -> SqlAuditView:
    tracking = ViewTracking(databases.views, UUID(int=1), 1, patience_s=0.0)
    with write_transaction(databases.views) as connection:
        tracking.claim(connection, VIEWS)
        insert_rows(connection, audit_entries, [entry(n) for n in range(ENTRIES)])
    with write_transaction(databases.views) as connection:
        connection.execute(text("ANALYZE"))
    return SqlAuditView(tracking)


@contextmanager
def plans(engine):
    """The plans of all searches made inside."""
    statements, found = [], []

    def remember(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if "audit_entries" in statement:
            statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", remember)
    yield found
    event.remove(engine, "before_cursor_execute", remember)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        for statement, parameters in statements:
            rows = connection.exec_driver_sql(explain + statement, parameters).all()
            found.append("\n".join(str(row[-1]) for row in rows))


def position_of(second: int):
    return from_us(FIRST_US + second * 1_000_000)


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({}, "pk"),
        ({"after": (10_000,)}, "pk"),
        ({"outcome": "allowed"}, "pk"),
        ({"client_id": UUID(int=5)}, "ix_audit_entries_client"),
        ({"client_id": UUID(int=5), "after": (10_000,)}, "ix_audit_entries_client"),
        ({"actor_id": UUID(int=5)}, "ix_audit_entries_actor"),
        ({"action": "session.3"}, "ix_audit_entries_action"),
        ({"actor_id": UUID(int=5), "action": "session.3"}, "ix_audit_entries_actor_action"),
        ({"outcome": "denied"}, "ix_audit_entries_not_allowed"),
        ({"since": position_of(3000), "until": position_of(3100)}, "pk"),
        (
            {"since": position_of(3000), "until": position_of(3100), "client_id": UUID(int=9100 % 997 + 1)},
            "ix_audit_entries_client",
        ),
    ],
)
def test_a_search_walks_an_index_from_its_newest_entry(audit, views_engine, filters, index) -> None:
    with plans(views_engine) as found:
        page = audit.search(**filters)
    assert page.items
    last = found[-1].replace("INTEGER PRIMARY KEY", "pk").replace("SCAN audit_entries", "pk")
    assert index in last
    for plan in found:
        # PostgreSQL may sort the few rows that the index gave; it must not look for them elsewhere.
        assert not re.search("Seq Scan|Filter: .*position|TEMP B-TREE", plan), plan
