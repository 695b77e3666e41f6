"""The views held against the log, on both databases: while they lie behind it, while they go on, and after somebody changed them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete, select, update

from adapters.views.tables import audit_entries, caseload, journey_items, view_tracking
from ops.bootstrap import Part, build
from ops.verifying.findings import Kind
from ops.verifying.views import ViewsMove, check_views
from tests.erasure.kit import CLINICIAN, Practice, found


@pytest.fixture
def practice(database_urls, tmp_path) -> Iterator[Practice]:
    settings = found(tmp_path / "deployment", database_urls)
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)


def test_views_that_lie_behind_the_log_are_compared_as_far_as_they_have_come(practice):
    client_id = practice.new_client()
    reached = practice.system.tracking.progress()["audit"].position
    practice.system.services.clients.read(
        practice.by(CLINICIAN), client_id
    )  # which the log tells, and the view not yet
    assert practice.system.recorder.last_position() > reached
    report = check_views(practice.system)
    assert (report.position, report.findings) == (reached, ())
    assert report.compared


def test_views_may_go_on_while_they_are_compared(practice):
    """Every look at them finds them further on, and each side at one position all the same."""
    practice.new_client()

    def go_on(_done: int) -> None:
        practice.new_client(sessions=1)

    report = check_views(practice.system, go_on)
    assert report.findings == ()
    assert report.compared


def test_after_an_erasure_views_say_what_the_log_still_tells(practice):
    practice.new_client()
    practice.erase(practice.new_client())
    practice.system.runner().catch_up()
    assert check_views(practice.system).findings == ()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (
            audit_entries,
            lambda row: update(audit_entries).where(audit_entries.c.position == row.position).values(origin="x"),
        ),
        (audit_entries, lambda row: delete(audit_entries).where(audit_entries.c.position == row.position)),
        (journey_items, lambda row: delete(journey_items).where(journey_items.c.id == row.id)),
        (caseload, lambda row: update(caseload).values(status="closed")),
    ],
)
def test_a_row_that_somebody_changed_or_took_out_is_named(practice, table, change):
    practice.new_client()
    with practice.system.databases.views.begin() as connection:
        row = connection.execute(select(table).limit(1)).one()
        connection.execute(change(row))
    findings = check_views(practice.system).findings
    assert {each.kind for each in findings} == {Kind.VIEW_WRONG}
    assert all(table.name in each.why for each in findings)


def test_views_at_different_positions_are_not_compared(practice):
    practice.new_client()
    with practice.system.databases.views.begin() as connection:
        connection.execute(
            update(view_tracking)
            .where(view_tracking.c.projection == "audit")
            .values(position=view_tracking.c.position - 1)
        )
    with pytest.raises(ViewsMove):
        check_views(practice.system)
