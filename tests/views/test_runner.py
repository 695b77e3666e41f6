"""The runner: rows and position change together, whatever happens in between."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from eventsourcing.persistence import Tracking
from sqlalchemy import delete, select, update
from views_world import (
    CANARY,
    DEPLOYMENT,
    T0,
    call,
    history,
    identity_of,
    nonsense,
    parked,
    planned,
    recorded,
    registered,
    running,
)

from adapters.views.bulk import insert_rows
from adapters.views.fences import fence
from adapters.views.parked import PARKED
from adapters.views.runner import Runner
from adapters.views.tables import AUDIT, JOURNEY, VIEWS, journey_items, view_fences, view_tracking
from adapters.views.tracking import ViewNeedsRebuild, ViewTracking
from domain.errors import Erased, Misconfigured, ViewBehind
from domain.model.audit import AuditEvent
from domain.ports.audit import AuditEntry


def test_a_reader_finds_what_it_wrote_at_the_position_the_write_answered(world) -> None:
    client = registered()
    with running(world.new_runner(world.new_tracking())):
        for tracking in (world.tracking, world.new_tracking()):
            tracking.patience_s = 60.0
        position = world.write(client, identity_of(client))
        assert [item.client_id for item in world.caseload.of_clients([client.id], at_least=position)] == [client.id]
        for _ in range(5):
            session = recorded(client)
            position = world.write(session)
            page = world.journey.of_client(client.id, at_least=position)
            assert session.id in [item.id for item in page.items]


def test_positions_move_past_events_that_concern_no_view(world) -> None:
    position = world.append(nonsense(topic="access.1"), nonsense(topic="access.1"))
    assert world.runner.catch_up() == position
    world.tracking.wait_until(JOURNEY, position)
    world.tracking.wait_until(AUDIT, position)
    assert parked(world) == []


def test_an_empty_log_is_a_view_that_is_whole(world) -> None:
    assert world.runner.catch_up() == 0
    assert world.audit.search().items == ()


def test_a_batch_that_fails_half_way_leaves_rows_and_position_as_they_were(world, monkeypatch) -> None:
    first = history(world)
    world.runner.catch_up()
    before, positions = world.stored(), world.tracking.progress()
    second = history(world)
    monkeypatch.setattr("adapters.views.audit_projection.insert_rows", _written_then_lost)
    with pytest.raises(ConnectionError):
        world.new_runner().catch_up()
    assert world.stored() == before
    assert world.tracking.progress() == positions
    monkeypatch.undo()
    world.new_runner().catch_up()
    items = world.caseload.of_clients([first, second])
    assert [item.sessions for item in items] == [1, 1]
    assert len(world.audit.search().items) == 6


def _written_then_lost(connection, table, rows) -> None:
    insert_rows(connection, table, rows)
    raise ConnectionError


_KILLED = """
import os, signal, sys
sys.path[:0] = {path!r}
sys.argv = []
import views_world, adapters.views.audit_projection as projection
from adapters.db.engines import open_databases
from adapters.keys.root_file import FileRootKey
from pathlib import Path

insert = projection.insert_rows

def written_then_killed(connection, table, rows):
    insert(connection, table, rows)
    os.kill(os.getpid(), signal.SIGKILL)

projection.insert_rows = written_then_killed
views_world.World(open_databases(*{urls!r}), FileRootKey.load(Path({root!r}))).runner.catch_up()
"""


def test_a_killed_runner_leaves_rows_and_position_that_agree(world, database_urls, root_key_path) -> None:
    history(world)
    world.runner.catch_up()
    before, positions = world.stored(), world.tracking.progress()
    history(world)
    code = _KILLED.format(
        path=[str(Path(__file__).parent), str(Path(__file__).parents[2])],
        urls=list(database_urls),
        root=str(root_key_path),
    )
    killed = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr.decode()
    assert world.stored() == before
    assert world.tracking.progress() == positions
    world.new_runner().catch_up()
    assert len(world.audit.search().items) == 6


def test_a_poison_event_is_parked_with_an_alert_and_later_ones_are_applied(world, capsys) -> None:
    first = history(world)
    position = world.append(nonsense())
    second = history(world)
    counted = PARKED.labels("journey", "seal_broken")._value.get()
    world.runner.catch_up()
    assert parked(world) == [("journey", position, "seal_broken")]
    assert PARKED.labels("journey", "seal_broken")._value.get() == counted + 1
    assert len(world.caseload.of_clients([first, second])) == 2
    assert {each.projection: each.parked for each in world.runner.health()} == {"journey": 1, "audit": 0}
    assert "event parked" in capsys.readouterr().out


def test_what_follows_a_poison_event_in_its_stream_is_parked_too_because_nobody_knows_what_it_changed(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, session)
    damaged = world.append(nonsense(session.id, 2))
    session.sign(at=T0, by=session.author_id)
    (event,) = session.collect_events()
    object.__setattr__(event, "originator_version", 3)
    last = world.append(world.mapper.to_row(event, session))
    world.runner.catch_up()
    assert [(position, name) for name, position, _ in parked(world)] == [(damaged, "journey"), (last, "journey")]
    (item,) = world.journey.of_client(client.id, kinds=["session"]).items
    assert item.state == "recorded"


@pytest.mark.parametrize("database_kind", ["postgresql"], indirect=True)  # SQLite refuses no text
def test_a_value_that_the_database_refuses_parks_its_event_alone(world) -> None:
    good = AuditEntry(action="session.read")
    too_long = AuditEvent.of(replace(call(), origin="x" * 201), AuditEntry(action="session.read"), 1)
    world.write(entries=[good, good])
    position = world.append(world.mapper.to_row(too_long))
    world.write(entries=[good])
    client_id = history(world)
    world.runner.catch_up()
    assert parked(world) == [("audit", position, "value_refused")]
    assert len(world.audit.search().items) == 6
    assert [item.sessions for item in world.caseload.of_clients([client_id])] == [1]


def test_a_rebuild_tries_again_what_was_parked(world, monkeypatch) -> None:
    client_id = history(world)
    monkeypatch.setattr("domain.services.rendering.session_content_as_json", _defect)
    world.runner.catch_up()
    assert {code for _, _, code in parked(world)} == {"ZeroDivisionError"}
    monkeypatch.undo()
    world.runner.rebuild("journey")
    assert parked(world) == []
    assert [item.kind for item in world.journey.of_client(client_id).items] == ["client", "care_team", "session"]


def _defect(_session):
    return 1 // 0


def test_tombstones_are_passed_over(world) -> None:
    client, other = registered(), registered()
    world.write(client, identity_of(client), recorded(client))
    position = world.write(other, identity_of(other), recorded(other))
    world.destroy_keys(client)
    world.remove_state(position)  # the other client's session
    world.runner.catch_up()
    assert parked(world) == []
    assert [item.sessions for item in world.caseload.of_clients([client.id, other.id])] == [0]
    assert world.journey.of_client(client.id).items == ()
    assert [item.kind for item in world.journey.of_client(other.id).items] == ["client", "care_team"]


def test_a_stream_whose_beginning_was_removed_tells_nothing_more(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client)
    position = world.write(session)
    session.sign(at=T0, by=session.author_id)
    world.write(session)
    world.remove_state(position)
    world.runner.catch_up()
    assert parked(world) == []
    assert [item.kind for item in world.journey.of_client(client.id).items] == ["client", "care_team"]


def test_a_client_erased_after_the_fact_is_left_out_by_readers(world) -> None:
    client, other = registered(), registered()
    world.write(client, identity_of(client), other, identity_of(other))
    world.runner.catch_up()
    world.destroy_keys(client)
    assert [item.client_id for item in world.caseload.of_clients([client.id, other.id])] == [other.id]
    with pytest.raises(Erased):
        world.journey.of_client(client.id)


def test_a_fenced_client_gets_no_more_rows(world) -> None:
    client, other = registered(), registered()
    world.write(client, identity_of(client), recorded(client), entries=[AuditEntry(action="a", client_id=client.id)])
    with world.databases.views.begin() as connection:
        connection.execute(view_fences.insert().values(subject=client.id, position=9))
    world.write(other, identity_of(other))
    world.runner.catch_up()
    stored = world.stored()
    assert {row[1] for row in stored["journey_items"]} == {other.id}
    assert {row[0] for row in stored["caseload"]} == {other.id}
    assert len(stored["audit_entries"]) == 1
    with pytest.raises(Erased):
        world.journey.of_client(client.id)


def test_fencing_removes_the_rows_that_stand(world) -> None:
    client, other = registered(), registered()
    world.write(client, identity_of(client), recorded(client), other)
    world.runner.catch_up()
    for _ in range(2):
        fence(world.tracking, client.id, 5)
    stored = world.stored()
    assert {row[1] for row in stored["journey_items"]} == {other.id}
    assert {row[0] for row in stored["caseload"]} == {other.id}
    assert world.caseload.of_clients([client.id]) == ()


def test_a_view_that_is_rebuilt_is_never_shown_in_part(world) -> None:
    client_id = history(world)
    world.runner.catch_up()
    seen = []

    def look(position: int, goal: int) -> None:
        if position < goal:
            with pytest.raises(ViewBehind):
                world.journey.of_client(client_id)
        seen.append((position, goal))

    head = world.recorder.last_position()
    assert world.new_runner(most_rows=2).rebuild(progress=look) == head
    assert seen[-1] == (head, head)
    assert [position for position, _ in seen] == sorted({position for position, _ in seen})
    assert len(world.journey.of_client(client_id).items) == 3


def test_a_rebuild_that_was_broken_off_is_finished_by_any_runner(world) -> None:
    client_id = history(world)
    world.runner.catch_up()
    expected = world.stored()

    def interrupt(_position: int, _goal: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        world.new_runner(most_rows=2).rebuild(progress=interrupt)
    with pytest.raises(ViewBehind):
        world.journey.of_client(client_id)
    world.new_runner().catch_up()
    assert world.stored() == expected


def test_one_view_can_be_rebuilt_beside_a_runner_that_follows_the_log(world) -> None:
    client_id = history(world)
    with running(world.new_runner(world.new_tracking())):
        world.tracking.patience_s = 60.0
        world.journey.of_client(client_id, at_least=1)
        world.new_runner(most_rows=2).rebuild("journey")
        position = world.write(recorded(registered()))
        world.tracking.wait_until(JOURNEY, position)
        world.tracking.wait_until(AUDIT, position)
    assert [item.sessions for item in world.caseload.of_clients([client_id])] == [1]


def test_a_view_that_does_not_exist_is_not_rebuilt(world) -> None:
    with pytest.raises(Misconfigured, match="journey, audit"):
        world.runner.rebuild("jorney")


def test_after_a_restore_views_wait_for_their_rebuild(world) -> None:
    client_id = history(world)
    world.runner.catch_up()
    restored = Runner(world.recorder, ViewTracking(world.databases.views, DEPLOYMENT, 2), world.projections())
    with pytest.raises(ViewNeedsRebuild):
        restored.catch_up()
    assert [each.needs_rebuild for each in restored.health()] == [True, True]
    restored.rebuild()
    assert [each.needs_rebuild for each in restored.health()] == [False, False]
    with pytest.raises(ViewNeedsRebuild):
        world.journey.of_client(client_id)


def test_views_that_an_earlier_release_built_are_built_anew_by_themselves(world) -> None:
    client_id = history(world)
    world.runner.catch_up()
    whole = world.stored()
    with world.databases.views.begin() as connection:
        connection.execute(update(view_tracking).where(view_tracking.c.projection == "journey").values(version=1))
        connection.execute(delete(journey_items))
    with pytest.raises(ViewNeedsRebuild):
        world.journey.of_client(client_id)
    world.new_runner().catch_up()
    assert world.stored() == whole
    assert [each.needs_rebuild for each in world.runner.health()] == [False, False]


def test_views_of_a_later_release_are_left_to_it(world) -> None:
    client_id = history(world)
    world.runner.catch_up()
    whole = world.stored()
    with world.databases.views.begin() as connection:
        connection.execute(update(view_tracking).values(version=view_tracking.c.version + 1))
    with pytest.raises(ViewNeedsRebuild):
        world.new_runner().catch_up()
    assert world.stored() == whole
    with pytest.raises(ViewNeedsRebuild):
        world.journey.of_client(client_id)


def test_views_of_events_that_a_restore_took_back_wait_for_their_rebuild(world) -> None:
    client = registered()
    world.write(client, identity_of(client))
    head = world.runner.catch_up()
    for view in VIEWS:
        world.tracking.insert_tracking(Tracking(view.name, head + 3))
    with pytest.raises(ViewNeedsRebuild):
        world.new_runner().catch_up()
    assert [each.needs_rebuild for each in world.runner.health()] == [True, True]
    world.runner.rebuild()
    written = recorded(client)
    position = world.write(written)
    assert world.new_runner().catch_up() == position
    assert written.id in [item.id for item in world.journey.of_client(client.id, at_least=position).items]


def test_two_runners_apply_each_event_once(world) -> None:
    runners = [world.new_runner(world.new_tracking(), most_rows=3) for _ in range(2)]
    with running(runners[0]), running(runners[1]):
        clients = [history(world) for _ in range(10)]
        world.tracking.patience_s = 60.0
        for view in VIEWS:
            world.tracking.wait_until(view, world.recorder.last_position())
    assert parked(world) == []
    assert [(item.sessions, item.unsigned_sessions) for item in world.caseload.of_clients(clients)] == [(1, 0)] * 10
    together = world.stored()
    assert len(together["audit_entries"]) == 30
    world.new_runner().rebuild()
    assert world.stored() == together


def test_health_tells_how_far_each_view_is_behind(world) -> None:
    world.write(registered())
    untouched = world.runner.health()
    assert [(each.projection, each.position, each.head, each.lag_events) for each in untouched] == [
        ("journey", 0, 2, 2),
        ("audit", 0, 2, 2),
    ]
    assert all(each.rebuilding and each.lag_s >= 0 for each in untouched)
    world.runner.catch_up()
    caught_up = world.runner.health()
    assert [(each.position, each.lag_events, each.lag_s, each.rebuilding) for each in caught_up] == [
        (2, 0, 0.0, False)
    ] * 2


def test_no_view_holds_a_word_in_plaintext(world, database_urls, database_kind) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, identity_of(client), session, planned(client, T0))
    world.runner.catch_up()
    assert CANARY in str(world.stored())
    if database_kind == "sqlite":
        folder = Path(world.databases.views.url.database).parent
        raw = b"".join(path.read_bytes() for path in folder.glob("views.db*"))
    else:
        with world.databases.views.connect() as connection:
            raw = b"".join(
                repr(tuple(row)).encode()
                for view in VIEWS
                for table in view.tables
                for row in connection.execute(select(table))
            )
    assert client.id.hex.encode() in raw.replace(b"-", b"")
    assert CANARY.encode() not in raw
    assert "Prüfer".encode() not in raw
    assert b"1984-05-17" not in raw
