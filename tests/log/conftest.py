"""A recorder with rows, a publisher over it, and witnesses that really listen."""

import time
from hashlib import sha256
from threading import Thread
from uuid import UUID, uuid4

import pytest
from sqlalchemy import delete, text, update

from adapters.db.engines import write_transaction
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, NewRow
from adapters.event_store.tables import events, tiles
from adapters.log.checkpoints import key_name
from adapters.log.notes import COSIGNATURE, NoteSigner
from adapters.log.publisher import Publisher
from adapters.log.witness import LogWitness
from adapters.log.witnesses import Witness
from adapters.offbox.folder import FolderOffBox
from ops.witnessing import WitnessServer

DEPLOYMENT = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
SIGNER = NoteSigner(key_name(DEPLOYMENT), seed=bytes(range(32)))


class Log:
    """One database, and what whoever rules it may do to it."""

    def __init__(self, engine, place):
        self.engine = engine
        self.place = place
        self.recorder = Recorder(engine)
        self.recorder.open_log(DEPLOYMENT, time.time_ns() // 1000)

    def grow(self, count=1):
        rows = []
        for _ in range(count):
            state = uuid4().bytes
            rows.append(
                NewRow(stream=uuid4(), version=1, topic="audit.2", state=state, state_hash=sha256(state).digest())
            )
        return self.recorder.append(Append(rows=rows, command=CommandRow(id=uuid4()))).last

    def publisher(self, **options):
        options.setdefault("off_box", self.place)
        options.setdefault("clock_us", lambda: time.time_ns() // 1000)
        return Publisher(self.engine, options.pop("signer", SIGNER), options.pop("off_box"), **options)

    def unguarded(self, *statements):
        """Without the triggers that refuse it."""
        self.recorder.close()
        with write_transaction(self.engine) as connection:
            if self.engine.dialect.name == "postgresql":
                for table in ("events", "tiles", "deployment"):
                    connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
            else:
                for (name,) in connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
                    connection.execute(text(f"DROP TRIGGER {name}"))
            for statement in statements:
                connection.execute(statement)

    def cut(self, after):
        """Roll back to a position, tiles and all."""
        width = 256
        self.unguarded(
            delete(events).where(events.c.position > after),
            delete(tiles).where((tiles.c.tile + 1) * width > after),
        )
        self.recorder = Recorder(self.engine)

    def alter(self, position, **values):
        self.unguarded(update(events).where(events.c.position == position).values(**values))


@pytest.fixture
def log(events_engine, tmp_path):
    (tmp_path / "off-box").mkdir()
    made = Log(events_engine, FolderOffBox(tmp_path / "off-box"))
    yield made
    made.recorder.close()


@pytest.fixture
def witnesses(tmp_path):
    """Makes witnesses by name, each listening on loopback."""
    running = []

    def make(name="witness.example", seed=3, folder=None):
        signer = NoteSigner(name, COSIGNATURE, bytes([seed]) * 31 + b"\0")
        keeper = LogWitness(folder or tmp_path / name, signer, [SIGNER.verifier], lambda: int(time.time()))
        server = WitnessServer("127.0.0.1:0", keeper)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return Witness(f"http://127.0.0.1:{server.server_address[1]}", signer.verifier)

    yield make
    for server, thread in running:
        server.shutdown()
        server.server_close()
        server.witness.close()
        thread.join()
