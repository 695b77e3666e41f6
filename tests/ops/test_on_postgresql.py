"""The wired system on PostgreSQL, with the rights of the application's role alone."""

from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from domain.ports.call import Actor, Call, Role
from domain.ports.keys import RecordClass
from ops.bootstrap import Part, System, build
from ops.checks import databases
from ops.doctor import examine
from ops.founding import create_root_keys, migrate
from ops.jobs.discard_stale_drafts import discard_stale_drafts
from ops.jobs.projection_health import projection_health
from ops.jobs.sweep_orphan_keys import sweep_orphan_keys
from ops.settings import Settings
from tests.conftest import execute_on, postgres_database


@pytest.fixture
def settings(postgres_url: str, tmp_path: object) -> Iterator[Settings]:
    with postgres_database(postgres_url) as url:
        settings = replace(
            Settings.load({"ANAMNESIS_DATA_DIR": str(tmp_path), "ANAMNESIS_REDIS_URL": "redis://127.0.0.1:1"}),
            events_url=url,
            keys_url=url,
            views_url=url,
        )
        for _ in migrate(settings):
            pass
        for _ in create_root_keys(settings):
            pass
        yield settings


@pytest.fixture
def system(settings: Settings) -> Iterator[System]:
    with build(settings, parts=Part.API) as system:
        yield system


def test_a_client_is_registered_projected_and_read_back(system: System) -> None:
    clinician = Actor(id=uuid4(), role=Role.CLINICIAN)
    call = Call(actor=clinician, request_id=system.ids.ordered(), at=system.clock.now(), origin="test")
    client_id = system.ids.opaque()

    receipt = system.services.clients.register(
        call, client_id, IdentityContent(names=(PersonName(family="Lindqvist", given="Mara"),))
    )
    system.runner().catch_up()

    again = replace(call, request_id=system.ids.ordered())
    (item,) = system.services.clients.caseload(again, at_least=receipt.position)
    assert (item.client_id, item.name) == (client_id, "Mara Lindqvist")


def test_the_role_suffices_for_everything_in_the_background(system: System) -> None:
    test_a_client_is_registered_projected_and_read_back(system)
    system.keys.key_id(uuid4(), RecordClass.JOURNAL)
    execute_on(system.settings.events_url, "UPDATE keys SET created_at_us = created_at_us - 200000000000")

    assert system.runner().rebuild() == system.recorder.last_position()
    assert discard_stale_drafts(system) == 0
    assert projection_health(system) == 0
    assert sweep_orphan_keys(system) > 0
    assert {probe.name: probe.check().code for probe in system.probes()} == {
        "events": "ok",
        "keys": "ok",
        "views": "ok",
        "projections": "ok",
        "queue": "queue_unavailable",
    }


def test_the_running_system_may_not_change_what_was_recorded(system: System) -> None:
    with system.databases.events.connect() as connection, pytest.raises(ProgrammingError, match="permission denied"):
        connection.execute(text("UPDATE events SET leaf = ''"))


def test_the_doctor_finds_it_in_order(settings: Settings) -> None:
    findings = list(examine(settings, [databases.databases]))

    assert {finding.code for finding in findings} == {"ok"}
    assert any("PostgreSQL" in finding.text for finding in findings)


def test_the_doctor_names_an_account_without_the_applications_role(settings: Settings, postgres_url: str) -> None:
    account = f"guest_{uuid4().hex[:8]}"
    execute_on(settings.events_url, f'CREATE ROLE "{account}" LOGIN', f'GRANT pg_read_all_data TO "{account}"')
    execute_on(settings.events_url, f'GRANT USAGE ON SCHEMA public TO "{account}"')
    url = settings.events_url.replace("//postgres@", f"//{account}@")
    try:
        findings = list(examine(replace(settings, events_url=url, keys_url=url, views_url=url), [databases.databases]))
    finally:
        execute_on(settings.events_url, f'DROP OWNED BY "{account}"', f'DROP ROLE "{account}"')

    assert {finding.code for finding in findings} == {"role_not_granted", "skipped"}
