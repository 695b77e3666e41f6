"""`anamnesis bench log`: verifying a log of many rows, and proving one position of it, on a database of its own."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from sqlalchemy import Engine, insert

from adapters.db.engines import check_durable, open_database, write_transaction
from adapters.event_store.envelope import leaf_hash, log_id
from adapters.event_store.recorder import Recorder
from adapters.event_store.tables import events, tiles
from adapters.log.checkpoints import Checkpoint, SignedCheckpoint, key_name
from adapters.log.merkle import verify_inclusion
from adapters.log.notes import NoteSigner
from adapters.log.proofs import SqlLogProofs
from adapters.log.tiles import Frontier
from migrations.run import upgrade
from ops.verifying.reader import snapshot
from ops.verifying.verify import verify_log

app = typer.Typer(add_completion=False)
_DEPLOYMENT: Final = UUID("5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11")
_BATCH: Final = 10_000
_VERIFY_AIM_S: Final = 30.0
_PROOF_AIM_MS: Final = 5.0


@app.command()
def log(
    rows: Annotated[int, typer.Option(help="Rows of the log.", min=1_000, max=50_000_000)] = 1_000_000,
    state_bytes: Annotated[int, typer.Option(help="Bytes of each sealed state.", min=16, max=100_000)] = 600,
    proofs: Annotated[int, typer.Option(help="Proofs to make.", min=1)] = 500,
    url: Annotated[
        str | None, typer.Option(help="An empty database; SQLite in a folder of its own by default.")
    ] = None,
) -> None:
    """Fill a log, verify it against a checkpoint, and prove positions at random. Aims: 1 M rows in 30 s, a proof in 5 ms."""
    with _database(url) as engine:
        began = time.perf_counter()
        checkpoint = _filled(engine, rows, state_bytes)
        typer.echo(f"filled: {rows:,} rows of {state_bytes} bytes in {time.perf_counter() - began:.1f} s")
        began, cpu_began = time.perf_counter(), time.process_time()
        with snapshot(engine) as reader:
            report = verify_log(reader, [checkpoint], keys=[])
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        if not report.sound(strict=True) or report.rows != rows:
            raise typer.Exit(1)
        aim_s = _VERIFY_AIM_S * rows / 1_000_000
        typer.echo(
            f"verified: {rows:,} rows in {seconds:.2f} s, {cpu_s:.2f} s of them on the processor (aim {aim_s:.1f} s)"
        )
        _time_proofs(engine, checkpoint.checkpoint, proofs)


def _time_proofs(engine: Engine, checkpoint: Checkpoint, count: int) -> None:
    pick, proving, times = Random(7), SqlLogProofs(engine), []  # noqa: S311 - positions to try, no secret
    for _ in range(count):
        position = pick.randint(1, checkpoint.size)
        began = time.perf_counter()
        proof = proving.inclusion(position, checkpoint.size)
        times.append((time.perf_counter() - began) * 1_000)
        verify_inclusion(proof.leaf, position - 1, proof.size, proof.hashes, checkpoint.root)
    later = sorted(times[1:]) or times
    p50, p95 = later[len(later) // 2], later[int(len(later) * 0.95)]
    typer.echo(
        f"inclusion proof: first {times[0]:.1f} ms, then p50 {p50:.2f} ms, p95 {p95:.2f} ms (aim {_PROOF_AIM_MS} ms)"
    )


@contextmanager
def _database(url: str | None) -> Iterator[Engine]:
    with TemporaryDirectory(prefix="anamnesis-bench-") as folder:
        engine = open_database(url or f"sqlite:///{Path(folder) / 'events.db'}", pool_size=2)
        try:
            upgrade(engine, "events")
            check_durable(engine)
            yield engine
        finally:
            engine.dispose()


def _filled(engine: Engine, count: int, state_bytes: int) -> SignedCheckpoint:
    """Rows as the recorder writes them, two of three in streams of two, in bulk; a signed checkpoint over all."""
    recorder = Recorder(engine)
    recorder.open_log(_DEPLOYMENT, 1)
    recorder.close()
    random, frontier, log_name = Random(5), Frontier(), log_id(_DEPLOYMENT, 1)  # noqa: S311 - filler, no secret
    for first in range(1, count + 1, _BATCH):
        rows = list(_rows(random, range(first, min(first + _BATCH, count + 1)), state_bytes, log_name))
        frontier, filled = frontier.extended([row["leaf"] for row in rows])
        with write_transaction(engine) as connection:
            connection.execute(insert(events), rows)
            for tile in filled:
                connection.execute(insert(tiles).values(level=tile.level, tile=tile.number, hashes=tile.hashes))
    signer = NoteSigner(key_name(_DEPLOYMENT), seed=bytes(range(32)))
    checkpoint = Checkpoint(origin=log_name.decode(), size=count, root=frontier.root())
    return SignedCheckpoint.opened(signer.sign(checkpoint.text), signer.verifier)


def _rows(random: Random, positions: range, state_bytes: int, log_name: bytes) -> Iterator[dict[str, Any]]:
    stream = key = UUID(int=random.getrandbits(128), version=4)
    version = 0
    for position in positions:
        if version == 0 or random.random() < 0.5:
            stream, version = UUID(int=random.getrandbits(128), version=4), 0
        version += 1
        state = random.randbytes(state_bytes)
        state_hash, at_us = sha256(state).digest(), 1_700_000_000_000_000 + position
        subject = stream if position % 2 else None
        topic, record_class = ("record.1", "journal") if subject else ("audit.2", "audit")
        yield {
            "position": position,
            "stream": stream,
            "version": version,
            "topic": topic,
            "subject": subject,
            "record_class": record_class,
            "key_id": key,
            "incarnation": 1,
            "recorded_at_us": at_us,
            "state_hash": state_hash,
            "leaf": leaf_hash(
                log_name, position, stream, version, topic, subject, record_class, key, at_us, state_hash
            ),
            "state": state,
        }
