"""The application's role in PostgreSQL is enough for all that a process does with keys, drafts and access state."""

import pytest

from adapters.access.rebuild import rebuild_access_state
from adapters.db.engines import open_databases
from adapters.keys.checks import ORPHAN_AGE_US, check_keys, sweep_orphans
from adapters.keys.tables import keys
from domain.model.client import Client
from domain.ports.audit import AuditEntry
from domain.ports.keys import RecordClass
from migrations.role_names import APPLICATION
from tests.seal.kit import Kit, a_call, a_client, a_session, an_account, an_identity
from tests.seal.test_drafts import a_draft


@pytest.fixture
def database_kind():
    return "postgresql"


def test_a_process_works_with_the_rights_of_the_application(databases, database_urls):
    Kit.on(databases).recorder.close()  # the log is opened by the owner of the tables
    with open_databases(*database_urls, pool_size=4, application_role=APPLICATION) as restricted:
        kit = Kit.on(restricted)
        client, account = a_client(), an_account()
        kit.save(client, an_identity(client.id), account, a_session(client.id))
        account.disable(at=account.created_on, by=account.id)
        kit.save(account)
        kit.drafts.put(a_call(), AuditEntry(action="draft.save"), draft := a_draft(client_id=client.id))
        kit.drafts.discard(a_call(), AuditEntry(action="draft.discard"), draft.id)
        store = kit.store(Client, snapshot_after=1)
        assert store.get(client.id) == store.get(client.id) == client
        rebuild_access_state(restricted.events, kit.recorder, kit.mapper, kit.writes)
        assert kit.state.account(account.id).disabled
        check_keys(kit.ring.book, kit.recorder)
        kit.ring.key_id(draft.id, RecordClass.JOURNAL)
        with restricted.keys.begin() as connection:
            connection.execute(keys.update().values(created_at_us=5))
        assert sweep_orphans(kit.ring.book, lambda owner: owner == client.id, now_us=ORPHAN_AGE_US + 6) == 2
        kit.recorder.close()
