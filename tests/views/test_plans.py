"""Searches go down the index that narrows most; none reads a whole table. Few questions are asked of the database."""

import re
from collections.abc import Callable
from contextlib import contextmanager
from uuid import UUID

import pytest
from sqlalchemy import event, text

from adapters.db.engines import write_transaction
from adapters.views.audit import SqlAuditView
from adapters.views.bulk import insert_rows
from adapters.views.journey import SqlJourneyView
from adapters.views.tables import VIEWS, audit_entries, caseload, journey_items, worklist, worklist_accounts
from adapters.views.times import from_us
from adapters.views.tracking import ViewTracking
from adapters.views.worklist import SqlFactsStore

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
def plans(engine, *tables: str):
    """The plans of all searches of these tables made inside."""
    statements, found = [], []

    def remember(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if any(table in statement for table in tables or ("audit_entries",)):
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


# The journey and the work list ----------------------------------------------------------------------------------------

CLIENTS = 400
FACTS = 5_000
LONG = UUID(int=1)
"""A client of many years; the others came a few times."""


class Unsealed:
    """What it is given: these tests are about where rows are looked for."""

    def open_row(self, _client_id: UUID, _table: str, _row_id: UUID, sealed: bytes) -> bytes:
        return sealed

    def opener(self, _client_id: UUID, _table: str) -> Callable[[UUID, bytes], bytes]:
        return lambda _row_id, sealed: sealed


def item(n: int) -> tuple:
    client = n % CLIENTS if n < 4 * CLIENTS else 0
    at_us = FIRST_US + n * 1_000_000
    clear = n % 2 == 0
    content = b"{}" if clear else b'["goal", "active", 1, {}]' if n == 1 else b'["measure", "recorded", 1, {}]'
    kind = ("session", "signed") if clear else ("entry", "")
    return (number(n), number(client), *kind, 1, at_us, at_us, n + 1, bytes(8), content, None)


@pytest.fixture
def tracking(databases) -> ViewTracking:
    """Journeys of many clients, whose facts are kept, of one every tenth has moved on from them."""
    tracking = ViewTracking(databases.views, UUID(int=1), 1, patience_s=0.0)
    with write_transaction(databases.views) as connection:
        tracking.claim(connection, VIEWS)
        insert_rows(connection, journey_items, [item(n) for n in range(8 * CLIENTS)])
        ids = [number(n) for n in range(FACTS)]
        insert_rows(connection, caseload, [(each, "active", 0, 0, None, None, 9 + n) for n, each in enumerate(ids)])
        insert_rows(connection, worklist, [(each, 9 + n - (n % 10 == 0), b"{}") for n, each in enumerate(ids)])
        insert_rows(connection, worklist_accounts, [(number(FACTS + n % 250), each) for n, each in enumerate(ids)])
    with write_transaction(databases.views) as connection:
        connection.execute(text("ANALYZE"))
    return tracking


def well(plan: str) -> bool:
    """No table is read from end to end, and nothing of it sorted by itself."""
    return not re.search(r"Seq Scan|SCAN|TEMP B-TREE FOR ORDER", plan)


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"after": (FIRST_US + 2000 * 1_000_000, 2001)},
        {"since": position_of(1500), "until": position_of(2500)},
        {"kinds": ("session",)},
        {"kinds": ("measure", "goal")},
    ],
)
def test_a_page_of_a_journey_walks_the_clients_part_of_the_index_from_where_it_begins(
    tracking, views_engine, filters
) -> None:
    with plans(views_engine, "journey_items") as found:
        page = SqlJourneyView(tracking, Unsealed()).of_client(LONG, limit=50, **filters)
    assert len(page.items) == 50
    assert found
    for plan in found:
        assert "ix_journey_items_order" in plan
        assert well(plan), plan


def test_a_filter_that_leaves_nearly_all_out_asks_the_database_a_few_times_not_once_a_row(
    tracking, views_engine
) -> None:
    with plans(views_engine, "journey_items") as found:
        page = SqlJourneyView(tracking, Unsealed()).of_client(LONG, kinds=("measure",), keep=lambda _: False, limit=1)
    assert page.items == ()
    assert len(found) < 10


def test_a_transcript_or_a_report_of_one_client_reads_that_clients_rows_alone(tracking, views_engine) -> None:
    with plans(views_engine, "journey_items") as found:
        items = SqlJourneyView(tracking, Unsealed()).history([UUID(int=7)])[UUID(int=7)]
    assert len(items) == 4
    assert all("ix_journey_items_order" in plan and well(plan) for plan in found), found


def test_facts_are_found_by_client_or_by_whom_something_waits_for(tracking, views_engine) -> None:
    facts = SqlFactsStore(tracking, Unsealed())
    with plans(views_engine, "worklist") as found:
        assert len(facts.waiting_for(UUID(int=FACTS + 1))) == FACTS // 250
        assert len(facts.of_clients([UUID(int=n) for n in range(1, 21)])) == 18
        assert len(facts.page(after=UUID(int=100), limit=20)) == 20
    assert len(found) == 3
    for plan in found:
        assert well(plan), plan


def test_whose_journey_moved_on_is_found_a_portion_at_a_time(tracking) -> None:
    facts = SqlFactsStore(tracking, Unsealed())
    first = facts.outdated(limit=30)
    rest = facts.outdated(after=first[-1][0], limit=30)
    assert [client_id.int for client_id, _ in [*first, *rest]] == list(range(1, 600, 10))
