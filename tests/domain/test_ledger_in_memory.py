import pytest

from adapters.memory.ledger import InMemoryAggregates, InMemoryDrafts, InMemoryLedger, InMemoryLog
from tests.contracts.ledger_contract import LedgerContract, World


class TestInMemory(LedgerContract):
    @pytest.fixture
    def world(self) -> World:
        log = InMemoryLog()
        ledger = InMemoryLedger(log)
        return World(
            ledger=ledger,
            state=log.state,
            drafts=InMemoryDrafts(log, ledger),
            store=lambda kind: InMemoryAggregates(log, kind),
            entries=lambda request_id: list(log.streams.get(request_id, ())),
            fence=log.fences.add,
            last_position=lambda: len(log.events),
        )
