import pytest

from adapters.db.engines import open_database
from adapters.event_store.recorder import Recorder
from adapters.keys.errors import RootKeyExists
from ops.bootstrap import Part, build
from ops.founding import RootKeysNeeded, create_root_keys, migrate
from ops.settings import Settings


def deployment_of(settings: Settings) -> object:
    engine = open_database(settings.events_url, pool_size=1)
    try:
        return Recorder(engine).deployment_id
    finally:
        engine.dispose()


def test_the_log_is_opened_once_and_keeps_its_name(founded: Settings) -> None:
    before = deployment_of(founded)

    upgrades = list(migrate(founded))

    assert all(not upgrade.applied for upgrade in upgrades)
    assert deployment_of(founded) == before


def test_existing_root_keys_are_left_alone(founded: Settings) -> None:
    before = founded.root_key_file.read_bytes()

    with pytest.raises(RootKeyExists):
        list(create_root_keys(founded))

    assert founded.root_key_file.read_bytes() == before


def test_a_key_that_was_never_used_may_be_made_again(founded: Settings) -> None:
    founded.notes_root_key_file.unlink()

    made = list(create_root_keys(founded))

    assert [path for _, path in made] == [founded.notes_root_key_file]


@pytest.mark.parametrize("lost", ["root_key_file", "notes_root_key_file"])
def test_a_root_key_that_seals_something_is_never_replaced(founded: Settings, lost: str) -> None:
    with build(founded, parts=Part.API):
        pass
    getattr(founded, lost).unlink()

    with pytest.raises(RootKeysNeeded):
        list(create_root_keys(founded))

    assert not getattr(founded, lost).exists()
