"""Searches go down the index that narrows most; none reads a whole table. Few questions are asked of the database."""

import json
import re
from collections.abc import Callable
from contextlib import contextmanager
from itertools import combinations
from uuid import UUID

import pytest
from sqlalchemy import event, text

from adapters.db.engines import write_transaction
from adapters.views.audit import SqlAuditView
from adapters.views.audit_kinds import AuditKinds, Codes
from adapters.views.bulk import insert_rows
from adapters.views.journey import SqlJourneyView
from adapters.views.tables import (
    VIEWS,
    audit_clients,
    audit_entries,
    audit_kinds,
    caseload,
    journey_items,
    worklist,
    worklist_accounts,
)
from adapters.views.times import from_us
from adapters.views.tracking import ViewTracking
from adapters.views.worklist import SqlFactsStore

ENTRIES = 20_000
FIRST_US = 1_700_000_000_000_000


def number(n: int) -> bytes:
    return UUID(int=n + 1).bytes


KINDS = [
    (1000 + n, Codes("clinician", f"session.{n % 7}", "denied" if n >= 7 else "allowed", "", "treatment"))
    for n in range(14)
]


def entry(n: int) -> tuple:
    kind = 1000 + n % 7 + (7 if n % 500 == 0 else 0)
    at_us = FIRST_US + n // 3 * 1_000_000
    ids = (number(n), number(n % 40))
    behalf = number(3) if n % 1000 == 0 else None
    origin = "rare" if n % 5000 == 0 else "usual"
    return (n + 1, at_us, *ids, kind, number(n % 997), b"", b"", behalf, origin, bytes(32))


def link(n: int) -> tuple:
    return (number(n % 997), n + 1, entry(n)[4], number(n % 40))


class Plain:
    """Seals nothing: these tests are about where rows are looked for."""

    def seal_token(self, _purpose: str, plaintext: bytes) -> str:
        return plaintext.decode()

    def open_token(self, _purpose: str, token: str) -> bytes:
        return token.encode()


@pytest.fixture
def just_built(databases) -> SqlAuditView:
    """A view that was filled a moment ago: the server has not looked at it yet."""
    tracking = ViewTracking(databases.views, UUID(int=1), 1, patience_s=0.0)
    with write_transaction(databases.views) as connection:
        tracking.claim(connection, VIEWS)
        insert_rows(connection, audit_kinds, [(kind, json.dumps([kind, *codes])) for kind, codes in KINDS])
        insert_rows(connection, audit_entries, [entry(n) for n in range(ENTRIES)])
        insert_rows(connection, audit_clients, [link(n) for n in range(ENTRIES)])
    return SqlAuditView(tracking, AuditKinds(Plain()))


@pytest.fixture
def audit(just_built, databases) -> SqlAuditView:
    with write_transaction(databases.views) as connection:
        connection.execute(text("ANALYZE"))
    return just_built


@contextmanager
def plans(engine, *tables: str):
    """The plans of all searches of these tables made inside."""
    statements, found = [], []

    def remember(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if any(table in statement for table in tables or ("audit_entries", "audit_clients")):
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
        ({"client_id": UUID(int=5)}, "audit_clients"),
        ({"client_id": UUID(int=5), "after": (10_000,)}, "audit_clients"),
        ({"client_id": UUID(int=5), "action": "session.3"}, "audit_clients"),
        ({"client_id": UUID(int=5), "actor_id": UUID(int=5)}, "audit_clients"),
        ({"actor_id": UUID(int=5)}, "ix_audit_entries_actor"),
        ({"actor_id": UUID(int=5), "action": "session.3"}, "ix_audit_entries_actor_kind"),
        ({"outcome": "denied"}, "ix_audit_entries_kind"),
        ({"outcome": "denied", "role": "clinician", "purpose": "treatment"}, "ix_audit_entries_kind"),
        ({"origin": "rare"}, "ix_audit_entries_origin"),
        ({"origin": "usual"}, "ix_audit_entries_origin"),
        ({"on_behalf_of": UUID(int=4)}, "ix_audit_entries_on_behalf_of"),
        ({"since": position_of(3000), "until": position_of(3100)}, "pk"),
        (
            {"since": position_of(3000), "until": position_of(3100), "client_id": UUID(int=9100 % 997 + 1)},
            "audit_clients",
        ),
    ],
)
def test_a_search_walks_an_index_from_its_newest_entry(audit, views_engine, filters, index) -> None:
    with plans(views_engine) as found:
        page = audit.search(**filters)
    assert page.items
    named = [plan.replace("INTEGER PRIMARY KEY", "pk").replace("SCAN audit_entries", "pk") for plan in found]
    assert any(index in plan for plan in named), named
    for plan in found:
        # Merging the newest of several kinds sorts a page's worth; nothing else is sorted or read from end to end.
        assert not re.search("Seq Scan|Filter: .*position|TEMP B-TREE", plan), plan


def test_an_instant_is_found_by_its_index_also_in_a_view_that_was_just_built(just_built, views_engine) -> None:
    with plans(views_engine) as found:
        assert just_built.search(since=position_of(3000), until=position_of(3100)).items
    assert not any(re.search("Filter: .*recorded_at_us|SCAN audit_entries USING INTEGER", plan) for plan in found)


def test_any_filters_together_find_what_a_look_at_every_row_finds(audit) -> None:
    asked = {
        "client_id": [UUID(int=5), UUID(int=1)],
        "actor_id": [UUID(int=1), UUID(int=21)],
        "other_than": [UUID(int=1)],
        "action": ["session.3"],
        "outcome": ["denied", "allowed"],
        "role": ["clinician", "operator"],
        "without": [("session.1", "session.2")],
        "origin": ["rare", "usual"],
        "on_behalf_of": [UUID(int=4)],
        "after": [(15_000,)],
    }
    rows = [(entry(n), dict(KINDS)[entry(n)[4]]) for n in range(ENTRIES)]
    for first, second in combinations(asked, 2):
        for filters in ({first: a, second: b} for a in asked[first] for b in asked[second]):
            expected = [row[0] for row, codes in reversed(rows) if fits(row, codes, filters)]
            found, page_filters = [], filters
            while len(found) <= 50:
                page = audit.search(limit=50, **page_filters)
                found += [item.position for item in page.items]
                if page.after is None:
                    break
                page_filters = filters | {"after": page.after}
            assert found[:50] == expected[:50], filters


def fits(row: tuple, codes: Codes, filters: dict) -> bool:
    position, _, _, actor, _, client, _, _, behalf, origin, _ = row
    held = {
        "client_id": UUID(bytes=client),
        "actor_id": UUID(bytes=actor),
        "action": codes.action,
        "outcome": codes.outcome,
        "role": codes.role,
        "origin": origin,
        "on_behalf_of": behalf and UUID(bytes=behalf),
    }
    return (
        all(held[name] == value for name, value in filters.items() if name in held)
        and held["actor_id"] != filters.get("other_than")
        and codes.action not in filters.get("without", ())
        and position < filters.get("after", (ENTRIES + 1,))[0]
    )


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
