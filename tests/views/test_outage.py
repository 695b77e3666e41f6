"""An outage is waited out: nothing is parked, lost or applied twice, and nobody needs to start the runner again."""

from uuid import uuid4

import psycopg
import pytest
from views_world import World, history, parked, running

from adapters.db.engines import open_databases
from adapters.keys.root_file import FileRootKey
from adapters.views.tables import VIEWS
from domain.errors import Unavailable
from migrations.run import CHAINS, upgrade


@pytest.fixture
def urls(own_postgres, tmp_path):
    """The database of one chain in a server that the test can stop, the others in files."""

    def of(chain: str) -> list[str]:
        own_postgres.start()
        name = f"views_{uuid4().hex}"
        with psycopg.connect(own_postgres.dsn(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        return [
            own_postgres.url(name) if each == chain else f"sqlite:///{tmp_path / 'data' / each}.db" for each in CHAINS
        ]

    return of


@pytest.mark.parametrize("chain", CHAINS)
def test_the_runner_goes_on_by_itself_when_a_database_comes_back(own_postgres, urls, root_key_path, chain) -> None:
    with open_databases(*urls(chain)) as databases:
        for each in CHAINS:
            upgrade(getattr(databases, each), each)
        world = World(databases, FileRootKey.create(root_key_path))
        clients = [history(world)]
        world.runner.catch_up()
        clients.append(history(world))
        head = world.recorder.last_position()
        own_postgres.stop()
        world.ring.start_anew()  # what is in memory would hide that the keys are away
        runner = world.new_runner(world.new_tracking())
        with pytest.raises(Unavailable):
            world.new_runner().catch_up()
        with running(runner):
            own_postgres.start()
            world.tracking.patience_s = 60.0
            for view in VIEWS:
                world.tracking.wait_until(view, head)
        assert parked(world) == []
        assert [(item.sessions, item.unsigned_sessions) for item in world.caseload.of_clients(clients)] == [(1, 0)] * 2
