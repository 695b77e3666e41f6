"""The sweep of the work list on real databases: twice, by two at once, and killed in the middle."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Table, func, select, update
from structlog.testing import capture_logs

from adapters.event_store.tables import events
from adapters.views.fences import fence
from adapters.views.tables import JOURNEY, journey_items, worklist
from domain.errors import ViewBehind
from domain.model.identity import IdentityContent
from domain.model.risk_flag import FlagLevel, FlagStatus
from domain.model.values import PersonName
from domain.ports.call import Actor, Call, Purpose, Role
from ops.bootstrap import Part, System, build
from ops.founding import create_root_keys, migrate
from ops.jobs.caller import WORKER, call_of_job
from ops.jobs.sweep_worklist import SWEEP_WORKLIST, sweep_worklist
from ops.settings import Settings
from tests.ops.conftest import ROOT, found, plain_environment

CLINICIAN = Actor(id=uuid4(), role=Role.CLINICIAN)
OFFICER = Actor(id=uuid4(), role=Role.COMPLIANCE_OFFICER)
CLIENTS = 30  # two portions


@pytest.fixture
def settings(database_kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if database_kind == "sqlite":
        return found(tmp_path / "data")
    url = request.getfixturevalue("empty_postgres_url")
    settings = replace(found(tmp_path / "data"), events_url=url, keys_url=url, views_url=url)
    settings = replace(settings, root_key_file=tmp_path / "root.key", notes_root_key_file=tmp_path / "notes.key")
    for _ in (*migrate(settings), *create_root_keys(settings)):
        pass
    return settings


@pytest.fixture
def system(settings: Settings) -> Iterator[System]:
    with build(settings, parts=Part.WORKER) as system:
        yield system


def call(system: System, actor: Actor = CLINICIAN, days_ago: float = 0.0) -> Call:
    purpose = Purpose.COMPLIANCE if actor is OFFICER else Purpose.TREATMENT
    at = system.clock.now() - timedelta(days=days_ago)
    return Call(actor=actor, request_id=system.ids.ordered(), at=at, origin="test", purpose=purpose)


def charts(system: System, count: int, *, flagged: bool = False) -> dict[UUID, UUID | None]:
    """New clients, each with its flag of two days ago, which was due a day ago."""
    made: dict[UUID, UUID | None] = {}
    for number in range(count):
        client_id = system.ids.opaque()
        identity = IdentityContent(names=(PersonName(family="Lindqvist", given=f"Mara {number}"),))
        system.services.clients.register(call(system, days_ago=3), client_id, identity)
        made[client_id] = system.ids.ordered() if flagged else None
        if flagged:
            system.services.risk_flags.raise_flag(
                call(system, days_ago=2), made[client_id], client_id, level=FlagLevel.HIGH, reason="Said goodbye."
            )
    system.runner().catch_up()
    return made


def kept(system: System) -> int:
    with system.databases.views.connect() as connection:
        return connection.scalar(select(func.count()).select_from(worklist))


def versions(system: System, streams: list[UUID]) -> list[int]:
    with system.databases.events.connect() as connection:
        query = select(func.max(events.c.version)).where(events.c.stream.in_(streams)).group_by(events.c.stream)
        return sorted(connection.scalars(query))


def escalated(system: System, flags: list[UUID]) -> bool:
    """Each of them once, and no more."""
    found = [system.services.risk_flags.read(call(system), flag_id) for flag_id in flags]
    return {(flag.status, flag.version) for flag in found} == {(FlagStatus.ESCALATED, 2)}


def test_a_second_sweep_finds_nothing_changed_and_passes_nothing_up_again(system: System) -> None:
    made = charts(system, 5, flagged=True)
    first = system.services.worklist.sweep(call_of_job(system))
    assert (first.derived, first.clients, first.escalated) == (5, 5, 5)
    system.runner().catch_up()
    second = system.services.worklist.sweep(call_of_job(system))
    assert (second.derived, second.escalated) == (5, 0)  # the flags moved on
    third = system.services.worklist.sweep(call_of_job(system))
    assert (third.derived, third.clients, third.escalated) == (0, 5, 0)
    assert escalated(system, list(made.values()))


def test_two_workers_that_sweep_at_once_do_each_thing_once(system: System, settings: Settings) -> None:
    made = charts(system, CLIENTS, flagged=True)
    together = Barrier(2)

    def sweep(_number: int) -> int:
        with build(settings, parts=Part.WORKER) as other:
            together.wait(30)
            return other.services.worklist.sweep(call_of_job(other)).escalated

    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(sweep, range(2)))

    assert sum(done) == CLIENTS
    assert kept(system) == CLIENTS
    assert escalated(system, list(made.values()))


@pytest.mark.parametrize(("step", "after"), [("keep", 1), ("escalate", 10)])
def test_a_sweep_killed_in_the_middle_is_ended_by_the_next_one(
    system: System, settings: Settings, step: str, after: int
) -> None:
    made = charts(system, CLIENTS, flagged=True)
    with subprocess.Popen(
        [sys.executable, "-m", "tests.ops.sweep_process", step, str(after)],
        cwd=ROOT,
        env=plain_environment(settings.data_dir) | settings.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "half-way\n"
        process.kill()
    half = kept(system), sum(version == 2 for version in versions(system, list(made.values())))
    assert half == ((25, 0) if step == "keep" else (CLIENTS, after))

    assert sweep_worklist(system) == CLIENTS

    assert kept(system) == CLIENTS
    assert escalated(system, list(made.values()))


def test_the_list_of_a_clinician_is_what_a_sweep_saw(system: System) -> None:
    made = charts(system, 3, flagged=True)
    assert sweep_worklist(system) == 3
    position = system.recorder.last_position()
    system.runner().catch_up()
    page = system.services.worklist.read(call(system), at_least=position)
    assert {item.client_id for item in page.items} == set(made)
    assert {item.resource_id for item in page.items} == set(made.values())


def test_who_was_looked_through_is_on_record(system: System) -> None:
    made = charts(system, 3)
    sweep_worklist(system)
    system.runner().catch_up()
    entries = system.services.audit.search(call(system, OFFICER), action="worklist.sweep").items
    assert [(entry.actor_id, entry.purpose, entry.outcome) for entry in entries] == [
        (WORKER.id, "operations", "allowed")
    ] * 2
    assert [set(entry.clients) for entry in entries] == [set(), set(made)]  # newest first


def test_a_client_under_erasure_is_swept_no_more(system: System) -> None:
    erased, other = charts(system, 2, flagged=True).items()
    fence(system.tracking, erased[0], system.recorder.last_position())
    swept = system.services.worklist.sweep(call_of_job(system))
    assert (swept.derived, swept.clients, swept.escalated) == (1, 1, 1)
    assert versions(system, [erased[1], other[1]]) == [1, 2]


def alter(system: System, table: Table, client_id: UUID, column: str) -> None:
    """As a failing disk does, or somebody who may write the view database."""
    with system.databases.views.begin() as connection:
        connection.execute(update(table).where(table.c.client_id == client_id).values({column: b"\x01" + bytes(99)}))


def test_a_damaged_chart_keeps_nobody_elses_flag_from_being_passed_up(system: System) -> None:
    made = charts(system, 5, flagged=True)
    damaged = sorted(made)[1]
    alter(system, journey_items, damaged, "content")
    with capture_logs() as logs:
        assert sweep_worklist(system) == 4
    assert [(line["log_level"], line["count"]) for line in logs if "could not be read" in line["event"]] == [
        ("error", 1)
    ]
    assert escalated(system, [flag_id for client_id, flag_id in made.items() if client_id != damaged])
    assert versions(system, [made[damaged]]) == [1]

    system.runner().rebuild()
    assert sweep_worklist(system) == 5
    assert escalated(system, list(made.values()))


def test_damaged_facts_are_derived_anew_and_keep_nobody_elses_flag_from_being_passed_up(system: System) -> None:
    made = charts(system, 5)
    assert sweep_worklist(system) == 5
    flags = {}
    for client_id in made:
        flags[client_id] = system.ids.ordered()
        system.services.risk_flags.raise_flag(
            call(system, days_ago=2), flags[client_id], client_id, level=FlagLevel.HIGH, reason="Said goodbye."
        )
    system.runner().catch_up()
    system.services.worklist.sweep(replace(call_of_job(system), at=system.clock.now() - timedelta(days=2)))
    damaged = sorted(made)[1]
    alter(system, worklist, damaged, "facts")

    with capture_logs() as logs:
        assert sweep_worklist(system) == 4
    assert [line["log_level"] for line in logs if line.get("client_id") == str(damaged)] == ["error"]
    assert escalated(system, [flag_id for client_id, flag_id in flags.items() if client_id != damaged])

    assert sweep_worklist(system) == 5
    assert escalated(system, list(flags.values()))


def test_a_sweep_waits_while_the_journey_is_rebuilt(system: System) -> None:
    charts(system, 1)
    system.tracking.patience_s = 0.0
    system.tracking.reset([JOURNEY], system.recorder.last_position())
    with pytest.raises(ViewBehind):
        sweep_worklist(system)
    system.runner().catch_up()
    assert sweep_worklist(system) == 1


def test_it_comes_every_five_minutes() -> None:
    assert SWEEP_WORKLIST.minutes == {0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55}
    assert SWEEP_WORKLIST.hours is None
