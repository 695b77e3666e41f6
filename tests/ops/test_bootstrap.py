from dataclasses import replace
from uuid import uuid4

import pytest

from adapters.db.checks import DatabaseEmpty, DatabaseNewer
from adapters.keys.errors import KeysOlderThanEvents, NotesRootNotLoaded, RootKeyMissing, RootKeyTooOpen, RootKeyWrong
from adapters.keys.root_file import FileRootKey
from domain.errors import Misconfigured
from domain.ports.health import HealthState
from domain.ports.keys import RecordClass
from ops.bootstrap import Part, build
from ops.settings import Settings
from tests.ops.test_doctor import change, make_account


@pytest.mark.parametrize("part", list(Part))
def test_only_the_api_can_seal_psychotherapy_notes(founded: Settings, part: Part) -> None:
    with build(founded, parts=part) as system:
        if part is Part.API:
            assert system.keys.key_id(uuid4(), RecordClass.NOTES)
        else:
            with pytest.raises(NotesRootNotLoaded):
                system.keys.key_id(uuid4(), RecordClass.NOTES)


def test_other_processes_need_no_notes_root_file(founded: Settings) -> None:
    founded.notes_root_key_file.unlink()

    with build(founded, parts=Part.WORKER):
        pass
    with pytest.raises(RootKeyMissing):
        build(founded, parts=Part.API)


def test_nothing_starts_on_a_root_key_that_others_can_read(founded: Settings) -> None:
    founded.root_key_file.chmod(0o640)

    with pytest.raises(RootKeyTooOpen):
        build(founded, parts=Part.API)


def test_nothing_starts_with_the_root_key_of_another_deployment(founded: Settings) -> None:
    with build(founded, parts=Part.API):
        pass
    founded.root_key_file.unlink()
    FileRootKey.create(founded.root_key_file)

    with pytest.raises(RootKeyWrong):
        build(founded, parts=Part.API)


@pytest.mark.parametrize("url", ["events_url", "keys_url", "views_url"])
def test_nothing_starts_on_tables_of_another_release(founded: Settings, url: str) -> None:
    chain = url.removesuffix("_url")
    change(getattr(founded, url), f"UPDATE alembic_{chain} SET version_num = '9999'")

    with pytest.raises(DatabaseNewer):
        build(founded, parts=Part.API)


def test_nothing_starts_without_tables(founded: Settings) -> None:
    with pytest.raises(DatabaseEmpty):
        build(replace(founded, views_url=f"sqlite:///{founded.data_dir}/new.db"), parts=Part.API)


def test_nothing_starts_on_keys_that_are_older_than_the_events(founded: Settings) -> None:
    with build(founded, parts=Part.API) as system:
        make_account(system)
    change(founded.keys_url, "DELETE FROM keys WHERE class = 'audit'")

    with pytest.raises(KeysOlderThanEvents):
        build(founded, parts=Part.API)


def test_everything_wrong_with_a_set_up_is_misconfigured() -> None:
    for error in (DatabaseEmpty, DatabaseNewer, KeysOlderThanEvents, RootKeyMissing, RootKeyTooOpen, RootKeyWrong):
        assert issubclass(error, Misconfigured)


def test_probes_tell_what_requests_need_from_what_they_do_not(founded: Settings) -> None:
    with build(replace(founded, redis_url="redis://127.0.0.1:1/0"), parts=Part.API) as system:
        states = {probe.name: probe.check().state for probe in system.probes()}
        assert states.pop("queue") is HealthState.DEGRADED
        assert set(states.values()) == {HealthState.OK}

        change(founded.views_url, "DROP TABLE view_tracking")
        states = {probe.name: probe.check().state for probe in system.probes()}
        assert states["projections"] is HealthState.DEGRADED
        assert states["views"] is HealthState.OK


def test_metrics_tell_how_far_each_view_is(founded: Settings) -> None:
    with build(founded, parts=Part.API) as system:
        make_account(system)
        last = system.recorder.last_position()
        registry = system.runtime().registry
        value = registry.get_sample_value

        assert value("anamnesis_projection_lag_events", {"view": "audit"}) == last
        system.runner().catch_up()

        assert value("anamnesis_projection_lag_events", {"view": "audit"}) == 0
        assert value("anamnesis_projection_position", {"view": "journey"}) == last
        assert value("process_resident_memory_bytes") > 0
