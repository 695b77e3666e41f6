"""AnnoMI imported: what is written, once, whatever interrupts it, and what the command says."""

import csv
import signal
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import func, select

from adapters.access.tables import clients
from adapters.event_store.stores import AggregateStore
from adapters.event_store.tables import events
from domain.model.client import Client
from domain.model.identity import Identity
from domain.model.session import Session, SessionStatus
from domain.model.transcript import Transcript
from domain.ports.call import Actor, Purpose, Role
from domain.services.access import RoleNotPermitted
from domain.services.imports import ImportedDifferently, NotAnAuthor, Taken
from ops.bootstrap import Part, System, build
from ops.founding import create_root_keys, migrate
from ops.hosting import call_of_host
from ops.imports.annomi import conversations, counted
from ops.imports.conversations import Taking, beginning_of
from ops.imports.run import Import, Tally
from ops.settings import Settings
from tests.conftest import postgres_database
from tests.imports.conftest import LOGIN, row, rows, with_account
from tests.ops.conftest import Running, lines, plain_environment, run


def taking(system: System, source: str = "annomi", day: date = date(2026, 3, 2)) -> Taking:
    service = system.imports()
    return Taking(
        names=service.names(source),
        source=source,
        author=service.author(LOGIN),
        day=day,
        zone="Europe/Berlin",
        at=system.clock.now(),
    )


def taken(system: System, path: Path, way: str = "each", **more: Any) -> Tally:
    """Import the file as the command does."""
    how = taking(system, **more)
    items = (
        (f"line {one.line}", how.record(one)) if hasattr(one, "said") else (one.where, one)
        for one in conversations(path, counted(path))
    )
    doing = Import(system.imports(), lambda: call_of_host(system), lambda _count: None)
    return getattr(doing, way)(items)


def counts(tally: Tally) -> tuple[int, int, int]:
    return tally.written, tally.there_already, len(tally.spoilt)


def stored(system: System, kind: Any, aggregate_id: Any) -> Any:
    return AggregateStore(system.databases.events, system.mapper, kind).get(aggregate_id)


def client_ids(system: System) -> list[Any]:
    with system.databases.events.connect() as connection:
        return list(connection.execute(select(clients.c.id).order_by(clients.c.registered_at_us)).scalars())


def last_position(system: System) -> int:
    return system.recorder.last_position()


def test_each_transcript_becomes_a_client_with_one_unsigned_session_and_its_words(system, written) -> None:
    path = written(rows(2))

    assert counts(taken(system, path)) == (2, 0, 0)

    how = taking(system)
    client_id, session_id = how.names.id("client", "t1"), how.names.id("session", "t1")
    client, session = stored(system, Client, client_id), stored(system, Session, session_id)
    who = stored(system, Identity, Identity.stream_of(client_id))
    transcript = stored(system, Transcript, Transcript.stream_of(session_id))
    assert [relation.value for relation in client.care_team.values()] == ["primary_clinician"]
    assert who.content.names[0].full == "Imported transcript annomi t1"
    assert (session.status, session.signed_by) == (SessionStatus.RECORDED, None)
    assert session.content.themes == ("more exercise", "change talk")
    assert session.content.interventions == ("questions",)
    assert session.content.took_place.local.isoformat() == "2026-03-02T00:00:00+01:00"
    assert session.content.duration_min == 1
    assert "not written by a clinician" in session.content.summary
    assert [said.text for said in transcript.utterances] == [one["utterance_text"] for one in rows(2)[4:]]


def test_on_postgresql_as_well_with_the_rights_of_the_application_alone(postgres_url, tmp_path, written) -> None:
    path = written(rows(20))
    with postgres_database(postgres_url) as url:
        plain = Settings.load({"ANAMNESIS_DATA_DIR": str(tmp_path / "data")})
        settings = replace(plain, events_url=url, keys_url=url, views_url=url)
        for _ in (*migrate(settings), *create_root_keys(settings)):
            pass
        with build(settings, parts=Part.HOST) as system:
            with_account(system, LOGIN)
            assert counts(taken(system, path)) == (20, 0, 0)
            assert counts(taken(system, path)) == (0, 20, 0)
            assert counts(taken(system, path, "together", source="another")) == (20, 0, 0)
            assert len(client_ids(system)) == 40


def test_a_second_run_writes_nothing(system, written) -> None:
    path = written(rows(3))
    taken(system, path)
    before = last_position(system)

    assert counts(taken(system, path)) == (0, 3, 0)
    assert counts(taken(system, path, "together")) == (0, 3, 0)
    assert last_position(system) == before


class Together:
    """The ledger, where two writers begin each save at the same moment."""

    def __init__(self, system: System) -> None:
        self._ledger = system.ledger
        self._meeting = Barrier(2)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def save(self, *args: Any, **more: Any) -> Any:
        with suppress(BrokenBarrierError):
            self._meeting.wait(20)
        self._meeting.abort()  # they have met; who tries again tries alone
        return self._ledger.save(*args, **more)


@pytest.mark.parametrize("ways", [("take", "take"), ("take", "take_all"), ("take_all", "take_all")])
def test_two_imports_of_the_same_client_at_once_write_it_once(system, written, ways) -> None:
    path = written(rows(1))
    (one,) = conversations(path, counted(path))
    service = system.imports()
    service._ledger = Together(system)

    def take(way: str) -> Any:
        record = taking(system).record(one)
        call = call_of_host(system)
        return service.take(call, record) if way == "take" else service.take_all(call, [record])[0]

    with ThreadPoolExecutor(2) as pool:
        became = sorted(pool.map(take, ways))

    assert became == [Taken.THERE_ALREADY, Taken.WRITTEN]
    assert len(client_ids(system)) == 1


def test_two_imports_at_once_that_tell_of_a_client_differently_write_one_and_refuse_the_other(system, written) -> None:
    service = system.imports()
    service._ledger = Together(system)
    records = []
    for text in ("One thing.", "Another thing."):
        path = written([row("t0", 0), row("t0", 1, utterance_text=text)])
        records += [taking(system).record(one) for one in conversations(path, counted(path))]

    def take(record: Any) -> Any:
        try:
            return service.take(call_of_host(system), record).value
        except ImportedDifferently as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take, records)) == ["imported_differently", "written"]
    assert len(client_ids(system)) == 1


def test_what_is_new_in_a_file_is_added_to_what_is_there(system, written) -> None:
    taken(system, written(rows(2)))

    assert counts(taken(system, written(rows(5)))) == (3, 2, 0)
    assert len(client_ids(system)) == 5


def test_a_transcript_that_reads_differently_now_is_refused_and_stays_as_it_was(system, written) -> None:
    taken(system, written(rows(2)))
    changed = rows(2)
    changed[5] = row("t1", 1, utterance_text="Something else.")

    tally = taken(system, written(changed))

    assert counts(tally) == (0, 1, 1)
    assert [fault.code for fault in tally.spoilt[0].faults] == ["imported_differently"]
    session_id = taking(system).names.id("session", "t1")
    assert stored(system, Transcript, Transcript.stream_of(session_id)).utterances[1].text == "It is 1, said t1."


def test_the_same_names_in_another_source_are_other_people(system, written) -> None:
    path = written(rows(2))
    taken(system, path)

    assert counts(taken(system, path, source="second study")) == (2, 0, 0)
    assert len(client_ids(system)) == 4


def test_all_or_nothing_writes_nothing_when_one_is_spoilt(system, written) -> None:
    told = rows(3)
    told[5] = row("t1", 1, interlocutor="?")
    path, before = written(told), last_position(system)

    assert counts(taken(system, path, "together")) == (0, 0, 1)
    assert last_position(system) == before
    assert counts(taken(system, path)) == (2, 0, 1)


def test_all_or_nothing_is_one_append_with_an_audit_entry_for_each_client(system, written) -> None:
    from domain.model.audit import AuditEvent

    tally = taken(system, written(rows(3)), "together")

    assert counts(tally) == (3, 0, 0)
    tail = [event for event in _events(system) if isinstance(event, AuditEvent) and event.action == "import.run"]
    assert {event.client_id for event in tail} == set(client_ids(system))
    assert len({event.originator_id for event in tail}) == 1


def test_each_client_has_an_audit_entry_that_names_what_was_written(system, written) -> None:
    from domain.model.audit import AuditEvent

    taken(system, written(rows(2)))

    entries = [event for event in _events(system) if isinstance(event, AuditEvent) and event.action == "import.run"]
    assert [len(event.resources) for event in entries] == [4, 4]
    assert {event.actor_role for event in entries} == {"service"}


def _events(system: System) -> list[Any]:
    notifications = system.recorder.select_notifications(1, 100_000)
    return [system.mapper.to_event(row) for row in notifications]


def test_trying_writes_nothing_and_counts_what_would_be(system, written) -> None:
    path, before = written(rows(2)), last_position(system)

    assert counts(taken(system, path, "tried")) == (2, 0, 0)
    assert last_position(system) == before


def test_a_transcript_that_the_record_refuses_is_named_by_its_first_line(system, written) -> None:
    tally = taken(system, written([*rows(1), row("t" * 300, 0)]))

    assert counts(tally) == (1, 0, 1)
    assert tally.spoilt[0].faults[0].where.startswith("line 6, field names[0].")


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COMPLIANCE_OFFICER, None])
def test_only_who_treats_people_can_answer_for_entries(system, role) -> None:
    if role is not None:
        with_account(system, "other@practice.example", role)

    with pytest.raises(NotAnAuthor) as refused:
        system.imports().author("other@practice.example")
    assert "other@" not in str(refused.value)


def test_an_import_is_the_hosts_alone_and_a_refusal_is_on_record(system, written) -> None:
    (conversation,) = conversations(path := written(rows(1)), counted(path))
    record, before = taking(system).record(conversation), last_position(system)
    clinician = Actor(id=system.imports().author(LOGIN).id, role=Role.CLINICIAN)

    with pytest.raises(RoleNotPermitted):
        system.imports().take(replace(call_of_host(system), actor=clinician, purpose=Purpose.TREATMENT), record)

    assert client_ids(system) == []
    assert last_position(system) == before + 1


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Santiago", "Asia/Beirut", "Pacific/Apia", "UTC"])
def test_the_day_begins_where_the_clocks_let_it(zone) -> None:
    for month in range(1, 13):
        for day in range(1, 29):
            began = beginning_of(date(2026, month, day), zone)
            assert began.local.date() == date(2026, month, day)
            assert began.local.hour in (0, 1)


def test_every_transcript_of_annomi_is_there_word_for_word(system, real_data) -> None:
    path = real_data / "dialogue" / "annomi-simple.csv"
    if not path.is_file():
        pytest.skip(f"no AnnoMI at {path}")
    told = defaultdict(list)
    with path.open(encoding="utf-8", newline="") as file:
        for cells in csv.DictReader(file):
            told[cells["transcript_id"]].append(cells["utterance_text"])

    began = datetime.now(UTC)
    assert counts(taken(system, path)) == (101, 0, 0)

    assert len(client_ids(system)) == len(told) == 101
    how = taking(system)
    for key, texts in told.items():
        session_id = how.names.id("session", key)
        session = stored(system, Session, session_id)
        assert session.client_id == how.names.id("client", key)
        assert session.created_on >= began
        transcript = stored(system, Transcript, Transcript.stream_of(session_id))
        assert [said.text for said in transcript.utterances] == texts
        assert [said.number for said in transcript.utterances] == sorted(said.number for said in transcript.utterances)
    assert counts(taken(system, path)) == (0, 101, 0)


def test_the_full_file_of_annomi_is_read_with_all_its_annotators(real_data) -> None:
    path = real_data / "dialogue" / "annomi-full.csv"
    if not path.is_file():
        pytest.skip(f"no AnnoMI at {path}")

    read = list(conversations(path, counted(path)))

    assert len(read) == 101
    assert sum(len(one.said) for one in read) == 8153
    assert any(len(said.codes) > 1 for one in read for said in one.said)


# The command ----------------------------------------------------------------------------------------------------


def environment(settings: Settings) -> dict[str, str]:
    with build(settings, parts=Part.HOST) as built:
        with_account(built, LOGIN)
    return plain_environment(settings.data_dir)


def test_the_command_counts_what_it_did_and_leaves_out_what_it_must_with_exit_code_1(settings, written) -> None:
    told = rows(3)
    told[5] = row("t1", 1, interlocutor="a secret word")
    env, path = environment(settings), str(written(told))

    done = run(env, "import", "transcripts", path, "--clinician", LOGIN)

    assert done.returncode == 1
    summary = lines(done.stdout)[-1]
    assert (summary["event"], summary["written"], summary["left_out"]) == ("imported", 2, 1)
    (fault,) = lines(done.stderr)
    assert (fault["event"], fault["where"]) == ("interlocutor_unknown", "line 7, column interlocutor")
    assert "secret" not in done.stdout + done.stderr
    tried = run(env, "import", "transcripts", path, "--clinician", LOGIN, "--all-or-nothing", "--dry-run")
    assert (tried.returncode, lines(tried.stdout)[-1]["there_already"]) == (1, 2)


def test_wrong_usage_ends_with_2_and_a_wrong_login_says_what_to_do(settings, written) -> None:
    env, path = environment(settings), str(written(rows(1)))

    assert run(env, "import", "transcripts", path).returncode == 2
    assert run(env, "import", "transcripts", f"{path}.absent", "--clinician", LOGIN).returncode == 2
    assert run(env, "import", "transcripts", path, "--clinician", LOGIN, "--date", "soon").returncode == 2
    nobody = run(env, "import", "transcripts", path, "--clinician", "nobody@practice.example")
    assert (nobody.returncode, lines(nobody.stderr)[0]["code"]) == (1, "not_an_author")
    ahead = run(env, "import", "transcripts", path, "--clinician", LOGIN, "--date", "2190-01-01")
    assert (ahead.returncode, lines(ahead.stderr)[0]["code"]) == (1, "day_ahead")


def test_killed_in_the_middle_and_run_again_nothing_is_lost_and_nothing_there_twice(settings, written) -> None:
    env, path = environment(settings), str(written(rows(300)))
    first = Running(env, "import", "transcripts", path, "--clinician", LOGIN)
    while first.line("importing")["done"] < 30:
        pass
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    with build(settings, parts=Part.HOST) as system:
        left = len(client_ids(system))
    assert 0 < left < 300

    done = run(env, "import", "transcripts", path, "--clinician", LOGIN)

    summary = lines(done.stdout)[-1]
    assert (summary["written"], summary["there_already"], summary["left_out"]) == (300 - left, left, 0)
    with build(settings, parts=Part.HOST) as system:
        assert len(client_ids(system)) == 300
        with system.databases.events.connect() as connection:
            streams = connection.execute(
                select(func.count(func.distinct(events.c.stream))).where(events.c.subject.is_not(None))
            ).scalar_one()
        assert streams == 300 * 4
