"""The contract on real databases."""

import pytest
from sqlalchemy import insert

from adapters.event_store.tables import fences
from tests.contracts.ledger_contract import LedgerContract, World
from tests.seal.kit import Kit


class TestSql(LedgerContract):
    @pytest.fixture
    def world(self, databases):
        kit = Kit.on(databases)

        def fence(client_id):
            with databases.events.begin() as connection:
                connection.execute(insert(fences).values(subject=client_id, position=0, reason="test"))

        yield World(
            ledger=kit.ledger,
            state=kit.state,
            drafts=kit.drafts,
            store=kit.store,
            entries=lambda request_id: [event for event in kit.audit() if event.originator_id == request_id],
            fence=fence,
            last_position=kit.recorder.last_position,
        )
        kit.recorder.close()
