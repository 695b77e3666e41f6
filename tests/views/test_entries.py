"""What is sealed of an entry beside its text: of which kind it is, and what state it is in."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from entries import diagnosed, flagged, goal_set, measured, medicated, plan_written, safety_written, transcribed
from sqlalchemy import select, update
from views_world import CANARY, CLINICIAN, T0, World, moment, recorded, registered

from adapters.views.fences import fence
from adapters.views.journey_projection import JourneyProjection
from adapters.views.opening import SealedContent
from adapters.views.tables import journey_items
from domain.errors import Erased, Invalid, SealBroken
from domain.model.transcript import Transcript
from domain.services.rendering import session_as_json
from domain.services.rendering_care import transcript_as_json
from domain.services.rendering_outcomes import measure_as_json, risk_flag_as_json

BY = CLINICIAN.id
MAKERS = (measured, goal_set, flagged, plan_written, safety_written, diagnosed, medicated)


def rows_of(world: World, client) -> list:
    with world.databases.views.begin() as connection:
        query = select(*journey_items.c).where(journey_items.c.client_id == client.id)
        return connection.execute(query.order_by(journey_items.c.first_position)).all()


def written(world: World, *makers):
    client = registered()
    entries = [make(client) for make in makers]
    world.write(client, *entries)
    world.runner.catch_up()
    return client, entries


def test_a_row_in_clear_tells_entries_apart_by_nothing_but_their_ids_and_times(world) -> None:
    client, entries = written(world, *MAKERS)
    session = recorded(client)
    world.write(session, transcribed(session))
    world.runner.catch_up()
    rows = [row for row in rows_of(world, client) if row.kind == "entry"]
    assert len(rows) == len(entries) + 1
    assert {(row.kind, row.state, row.version) for row in rows} == {("entry", "", 0)}
    assert len({len(row.content) % 1024 for row in rows}) == 1, "lengths come in steps"
    small = [row for row, entry in zip(rows, entries, strict=False) if type(entry).__name__ in {"Measure", "Diagnosis"}]
    flag = next(row for row in rows if row.id == entries[MAKERS.index(flagged)].id)
    assert {len(row.content) for row in small} == {len(flag.content)}
    assert not any(CANARY.encode() in (row.content + (row.detail or b"")) for row in rows)


def test_an_entry_opened_says_what_it_is_as_of_now(world) -> None:
    client, (flag,) = written(world, flagged)
    flag.acknowledge(at=T0, by=BY, note="I call.")
    world.write(flag)
    world.runner.catch_up()
    (item,) = world.journey.of_client(client.id, kinds=["risk_flag"]).items
    assert (item.kind, item.state, item.version) == ("risk_flag", "acknowledged", 2)
    assert item.content == risk_flag_as_json(flag)
    assert len(item.positions) == 2


def test_a_filter_on_one_sealed_kind_gives_that_kind_alone_and_full_pages(world) -> None:
    client = registered()
    goals = [goal_set(client) for _ in range(5)]
    world.write(client, *[entry for goal in goals for entry in (measured(client), goal, flagged(client))])
    world.runner.catch_up()
    found, after = [], None
    for size in (2, 2, 1):
        page = world.journey.of_client(client.id, kinds=["goal"], limit=2, after=after)
        assert len(page.items) == size
        found += page.items
        after = page.after
    assert after is None
    assert {item.id for item in found} == {goal.id for goal in goals}


def test_what_a_reader_keeps_is_asked_of_every_item_until_the_page_is_full(world) -> None:
    client = registered()
    measures = [measured(client, T0, each=n % 4) for n in range(12)]
    world.write(client, *measures)
    world.runner.catch_up()
    low = [measure.id for measure in measures if measure.score < 8]

    def keep(item) -> bool:
        return item.content["score"] < 8

    page = world.journey.of_client(client.id, kinds=["measure"], keep=keep, limit=len(low))
    assert [item.id for item in page.items] == low
    assert page.after is None
    page = world.journey.of_client(client.id, kinds=["measure"], keep=keep, limit=2)
    assert [item.id for item in page.items] == low[:2]
    assert page.after is not None


def test_a_transcript_is_listed_without_what_was_said_and_whole_for_who_asks(world) -> None:
    client = registered()
    session = recorded(client)
    transcript = transcribed(session, utterances=3)
    world.write(client, session, transcript)
    world.runner.catch_up()
    whole = transcript_as_json(transcript)
    for read in (
        lambda **more: world.journey.of_client(client.id, kinds=["transcript"], **more).items,
        lambda **more: world.journey.history([client.id], kinds=["transcript"], **more)[client.id],
    ):
        (listed,) = read()
        assert listed.content == whole | {"utterances": None, "utterance_count": 3}
        assert listed.happened_at == session.content.took_place.instant
        (told,) = read(whole=True)
        assert told.content == whole | {"utterance_count": 3}


def test_five_megabytes_of_talk_are_not_read_by_who_does_not_ask_for_them(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, session, transcribed(session, utterances=20, text="x" * 240_000))
    world.runner.catch_up()
    (row,) = [row for row in rows_of(world, client) if row.detail is not None]
    assert len(row.content) < 2_000
    assert len(row.detail) > 4_800_000
    (item,) = world.journey.of_client(client.id, kinds=["transcript"], whole=True).items
    assert sum(len(said["text"]) for said in item.content["utterances"]) == 4_800_000


def test_a_rebuild_keeps_no_talk_in_memory_and_follows_a_transcript_all_the_same(world) -> None:
    client = registered()
    sessions = [recorded(client) for _ in range(3)]
    transcripts = [transcribed(session) for session in sessions]
    world.write(client, *sessions, *transcripts)
    transcripts[0].mark_entered_in_error(at=T0, by=BY, reason="Another client's.")
    world.write(transcripts[0])

    projection = JourneyProjection(world.recorder, world.mapper, world.rows)
    batch = projection.begin()
    for row in world.recorder.read_log(0, 100):
        batch.apply(row)
    kept = [story.aggregate for story in projection._stories.values()]
    assert len(kept) == 4
    assert not any(isinstance(record, Transcript) for record in kept)

    world.runner.catch_up()
    items = world.journey.of_client(client.id, kinds=["transcript"]).items
    assert {item.id: (item.state, len(item.positions)) for item in items} == {
        each.id: ("entered_in_error", 2) if each is transcripts[0] else ("attached", 1) for each in transcripts
    }


def test_what_was_said_opens_as_that_and_not_as_content(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, session, transcribed(session))
    world.runner.catch_up()
    with world.databases.views.begin() as connection:
        swapped = journey_items.update().where(journey_items.c.detail.is_not(None))
        connection.execute(swapped.values(content=journey_items.c.detail))
    with pytest.raises(SealBroken):
        world.journey.of_client(client.id, kinds=["transcript"])


@pytest.mark.parametrize(
    ("of", "said"),
    [
        ("session", {"state": "signed"}),
        ("session", {"kind": "entry", "state": ""}),
        ("risk_flag", {"kind": "session", "state": "signed"}),
    ],
)
def test_a_row_that_was_made_to_say_another_kind_or_state_opens_as_nothing(world, of, said) -> None:
    client = registered()
    record = recorded(client) if of == "session" else flagged(client)
    world.write(client, record)
    world.runner.catch_up()
    with world.databases.views.begin() as connection:
        connection.execute(update(journey_items).where(journey_items.c.id == record.id).values(**said))
    with pytest.raises(SealBroken):
        world.journey.of_client(client.id)
    with pytest.raises(SealBroken):
        [dict(item.content) for item in world.journey.history((client.id,))[client.id]]


def test_many_histories_come_at_once_each_in_its_order(world) -> None:
    clients = [registered() for _ in range(3)]
    for client in clients:
        sessions = [recorded(client, T0), recorded(client, T0 - (T0 - T0.replace(month=1)))]
        world.write(client, *sessions, measured(client))
    world.runner.catch_up()
    nobody = registered()
    histories = world.journey.history([*[client.id for client in clients], nobody.id], kinds=["session", "measure"])
    assert list(histories) == [*[client.id for client in clients], nobody.id]
    assert histories[nobody.id] == ()
    for client in clients:
        assert [item.kind for item in histories[client.id]] == ["session", "session", "measure"]
        assert {item.client_id for item in histories[client.id]} == {client.id}
        assert list(histories[client.id]) == list(
            world.journey.of_client(client.id, kinds=["session", "measure"]).items
        )


def test_a_history_is_cut_by_time(world) -> None:
    client = registered()
    times = [T0.replace(day=day) for day in (1, 2, 3, 4)]
    world.write(client, *[measured(client, at) for at in times])
    world.runner.catch_up()
    found = world.journey.history([client.id], since=times[1], until=times[3], kinds=["measure"])[client.id]
    assert [item.happened_at for item in found] == times[1:3]


def test_an_unknown_kind_is_refused(world) -> None:
    with pytest.raises(Invalid):
        world.journey.history([registered().id], kinds=["entry"])


def test_a_session_of_a_history_is_unsealed_when_somebody_looks_inside(world) -> None:
    client = registered()
    session = recorded(client)
    world.write(client, session)
    world.runner.catch_up()
    (item,) = world.journey.history([client.id], kinds=["session"])[client.id]
    assert isinstance(item.content, SealedContent)
    assert CANARY not in repr(item)
    assert item.content == session_as_json(session)
    assert dict(item.content) == session_as_json(session)
    assert item.content != session_as_json(recorded(client))


def test_threads_look_inside_at_once_also_when_the_keys_were_forgotten_since(world) -> None:
    client = registered()
    sessions = [recorded(client) for _ in range(20)]
    world.write(client, *sessions)
    world.runner.catch_up()
    items = world.journey.history([client.id], kinds=["session"])[client.id]
    world.ring.start_anew()
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(lambda _: [dict(item.content) for item in items], range(8)))
    assert all(each == told[0] for each in told)
    assert {UUID(content["id"]) for content in told[0]} == {session.id for session in sessions}


def test_a_history_of_an_erased_client_is_empty(world) -> None:
    erased, other = registered(), registered()
    world.write(erased, other, measured(erased), measured(other))
    world.runner.catch_up()
    world.destroy_keys(erased)
    histories = world.journey.history([erased.id, other.id], kinds=["measure"])
    assert (len(histories[erased.id]), len(histories[other.id])) == (0, 1)
    fence(world.tracking, erased.id, 100)
    assert world.journey.history([erased.id])[erased.id] == ()
    with pytest.raises(Erased):
        world.journey.of_client(erased.id)


def test_a_measure_stands_where_it_was_taken_and_reads_as_its_own_route_does(world) -> None:
    client, (measure,) = written(world, measured)
    (item,) = world.journey.of_client(client.id, kinds=["measure"]).items
    assert (item.happened_at, item.state) == (moment(T0).instant, "recorded")
    assert item.content == measure_as_json(measure)
    assert item.recorded_at != item.happened_at


def test_the_newest_position_of_a_journey_is_kept_with_the_caseload(world) -> None:
    client, _ = written(world, measured)
    last = world.write(goal_set(client))
    world.runner.catch_up()
    assert world.stored()["caseload"][0][-1] == last
