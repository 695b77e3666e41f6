"""A drill shows that a back-up can be restored, and changes nothing."""

import pytest

from domain.errors import AnamnesisError
from ops.backup.drilling import drill
from ops.backup.errors import BackupDamaged, BackupUnfit
from tests.erasure.kit import CANARY


def test_a_drill_reads_every_event_and_leaves_everything_as_it_was(on_sqlite, vault, publish):
    client_id = on_sqlite.new_client()
    on_sqlite.new_client()
    covered = publish(on_sqlite)
    taken, _ = vault.take(on_sqlite)
    on_sqlite.erase(client_id)
    before = sorted(file for file in on_sqlite.elsewhere.rglob("*") if file.is_file())
    last = on_sqlite.system.recorder.last_position()
    done = drill(on_sqlite.settings, vault.wish())
    assert done.position == taken.manifest.position == done.opened + done.erased + done.set_apart
    assert done.erased > 3
    assert done.covered == covered.size
    assert sorted(file for file in on_sqlite.elsewhere.rglob("*") if file.is_file()) == before
    assert on_sqlite.system.recorder.last_position() == last
    assert on_sqlite.new_client()


def test_a_drill_finds_a_back_up_that_would_not_do(on_sqlite, vault):
    on_sqlite.new_client()
    vault.take(on_sqlite)
    folder, _ = vault.newest("keys")
    (folder / "keys.db").write_bytes(CANARY.encode())
    with pytest.raises(BackupDamaged):
        drill(on_sqlite.settings, vault.wish())


def test_a_drill_with_a_lost_root_key_fails(on_sqlite, vault):
    on_sqlite.new_client()
    vault.take(on_sqlite)
    on_sqlite.settings.root_key_file.unlink()
    with pytest.raises(AnamnesisError):
        drill(on_sqlite.settings, vault.wish())


@pytest.mark.parametrize("database_kind", ["postgresql"])
def test_postgresql_is_practised_on_empty_databases(practice, vault):
    with pytest.raises(BackupUnfit):
        drill(practice.settings, vault.wish())
