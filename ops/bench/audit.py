"""`anamnesis bench audit`: searches of a long audit trail, and what putting reads on record costs those who read.

The trail is written into the view's tables directly, with the skew of a practice: few accounts do most, few actions make up
most, a list names many clients, somebody left long ago. Searches then go through the view as the API asks it.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from sqlalchemy import text

from adapters.db.engines import check_durable
from adapters.db.transactions import write_transaction
from adapters.keys.token_sealer import TokenSealer
from adapters.views.audit import SqlAuditView
from adapters.views.audit_kinds import AuditKinds, Codes
from adapters.views.bulk import insert_rows
from adapters.views.tables import AUDIT, audit_clients, audit_entries
from adapters.views.times import from_us
from domain.ports.audit import AuditFilters
from domain.services.policy import Action
from ops.bench.noting import reads
from ops.bench.noting_http import reads_over_http
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row, markdown
from ops.bench.store import DATABASES, run
from ops.bootstrap import Part, System, build
from ops.console import voice

SEARCH_P95_MS: Final = Aim(200)
ENTRIES: Final = 1_000_000
_FIRST_US: Final = 1_700_000_000_000_000
_STEP_US: Final = 7_000_000
_BATCH: Final = 20_000
_A_ROUND: Final = 40
_ROLES: Final = ("clinician", "clinician", "clinician", "supervisor", "service", "client", "operator")
_PURPOSES: Final = {"service": "operations", "operator": "operations", "client": "client_request"}
_LIST: Final = 30
"""Clients that a list names."""


@dataclass(frozen=True, slots=True)
class Trail:
    """What was written, and where things are to be found in it."""

    entries: int
    accounts: int
    clients: int
    kinds: Sequence[Codes]

    def account(self, number: int) -> UUID:
        return UUID(int=(1 << 96) + number)

    def client(self, number: int) -> UUID:
        return UUID(int=(2 << 96) + number)

    def skewed(self, rng: random.Random, count: int) -> int:
        """Low numbers far more often than high ones."""
        return min(count - 1, int(count * rng.random() ** 4))


def _trail(entries: int) -> Trail:
    actions = sorted(Action)
    kinds = [
        Codes(role, action, "allowed", "", _PURPOSES.get(role, "treatment"))
        for role in _ROLES[2:]
        for action in actions
    ]
    denied = [Codes("clinician", action, "denied", "outside_care_team", "treatment") for action in actions[:40]]
    return Trail(entries, max(20, entries // 20_000), max(100, entries // 2_000), [*kinds, *denied])


def _write(system: System, trail: Trail, numbers: dict[Codes, int]) -> None:
    """Batches in position order, as the projection writes them."""
    rng = random.Random(7)  # noqa: S311 - a sample
    for start in range(0, trail.entries, _BATCH):
        entries: list[tuple[Any, ...]] = []
        links: list[tuple[Any, ...]] = []
        for index in range(start, min(start + _BATCH, trail.entries)):
            entry, named = _entry(trail, rng, index, numbers)
            entries.append(entry)
            links.extend((client, entry[0], entry[4], entry[3]) for client in named)
        with write_transaction(system.databases.views) as connection:
            insert_rows(connection, audit_entries, entries)
            insert_rows(connection, audit_clients, links)


def _entry(
    trail: Trail, rng: random.Random, index: int, numbers: dict[Codes, int]
) -> tuple[tuple[Any, ...], list[bytes]]:
    early = index < trail.entries // 100
    account = trail.accounts - 1 if early and index % 10 == 0 else trail.skewed(rng, trail.accounts - 1)
    codes = trail.kinds[(trail.skewed(rng, len(trail.kinds)) * 37) % len(trail.kinds)]
    named: list[bytes] = []
    if index % 100 == 1:
        named = [trail.client(rng.randrange(trail.clients - 1)).bytes for _ in range(_LIST)]
    elif index % 8:
        client = trail.clients - 1 if early and index % 50 == 0 else trail.skewed(rng, trail.clients - 1)
        named = [trail.client(client).bytes]
    alone = named[0] if len(named) == 1 else None
    behalf = trail.account(3).bytes if index % 1000 == 5 else None
    origin = f"198.51.100.{trail.skewed(rng, 250)}" if index % 3 else "192.0.2.1"
    row = (
        index + 1,
        _FIRST_US + index * _STEP_US,
        UUID(int=index + 1).bytes,
        trail.account(account).bytes,
        numbers[codes],
        alone,
        UUID(int=index).bytes,
        b"".join(named) if alone is None else b"",
        behalf,
        origin,
        bytes(32),
    )
    return row, sorted(set(named))


def _questions(trail: Trail) -> dict[str, Callable[[random.Random], AuditFilters]]:
    """Each a kind of search, of which every one asked is another."""
    span = trail.entries * _STEP_US

    def client(rng: random.Random) -> UUID:
        return trail.client(trail.skewed(rng, trail.clients))

    def account(rng: random.Random) -> UUID:
        return trail.account(trail.skewed(rng, trail.accounts))

    def codes(rng: random.Random) -> Codes:
        return rng.choice(trail.kinds)

    def since(rng: random.Random) -> AuditFilters:
        begin = _FIRST_US + int(span * rng.random())
        return {"since": from_us(begin), "until": from_us(begin + span // 50)}

    return {
        "newest": lambda _rng: {},
        "by client": lambda rng: {"client_id": client(rng)},
        "by actor": lambda rng: {"actor_id": account(rng)},
        "by role": lambda rng: {"role": codes(rng).role},
        "by action": lambda rng: {"action": codes(rng).action},
        "by outcome": lambda rng: {"outcome": rng.choice(("denied", "allowed"))},
        "by purpose": lambda rng: {"purpose": codes(rng).purpose},
        "by origin": lambda rng: {"origin": f"198.51.100.{rng.randrange(250)}"},
        "by principal": lambda _rng: {"on_behalf_of": trail.account(3)},
        "by time": since,
        "by client, action": lambda rng: {"client_id": client(rng), "action": codes(rng).action},
        "by client, actor": lambda rng: {"client_id": client(rng), "actor_id": account(rng)},
        "by client, origin": lambda rng: {"client_id": client(rng), "origin": f"198.51.100.{rng.randrange(250)}"},
        "by actor, action": lambda rng: {"actor_id": account(rng), "action": codes(rng).action},
        "by actor, outcome": lambda rng: {"actor_id": account(rng), "outcome": "denied"},
        "by role, outcome, purpose": lambda rng: {"role": codes(rng).role, "outcome": "denied", "purpose": "treatment"},
        "by action, time": lambda rng: {"action": codes(rng).action, **since(rng)},
        "by client, time": lambda rng: {"client_id": client(rng), **since(rng)},
        "by who left long ago": lambda _rng: {"actor_id": trail.account(trail.accounts - 1)},
        "of who left long ago": lambda _rng: {"client_id": trail.client(trail.clients - 1)},
    }


def searches(home: Home, options: Options) -> Iterator[Row]:
    """Pages of 100 of a trail of `ENTRIES` times the scale. Raises NotDurable."""
    trail = _trail(max(1_000, round(ENTRIES * options.scale)))
    with home.deployment() as place, build(place.settings, parts=Part.HOST) as system:
        check_durable(system.databases.views)
        kinds = AuditKinds(TokenSealer(system.keys, system.mapper.log))
        with write_transaction(system.databases.views) as connection:
            system.tracking.claim(connection, (AUDIT,))
            numbers = dict(kinds.numbered(connection, trail.kinds))
        started = perf_counter()
        _write(system, trail, numbers)
        rate = trail.entries / (perf_counter() - started)
        yield Row.of_rounds([rate], benchmark="audit", database=home.kind, what="entries written", unit="1/s")
        _settle(system)
        audit = SqlAuditView(system.tracking, kinds)
        for what, question in _questions(trail).items():
            yield from _timed(home, audit, f"{what}, of {trail.entries:,}", question, options)


def _settle(system: System) -> None:
    """What PostgreSQL does by itself a while after many rows came: as their owner, for it passes over tables of others
    with a warning alone.
    """
    engine = system.databases.views
    server = engine.dialect.name == "postgresql"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for statement in ("RESET ROLE", "VACUUM ANALYZE") if server else ("ANALYZE",):
            connection.execute(text(statement))
        connection.detach()  # its role is not that of the others


def _timed(
    home: Home, audit: SqlAuditView, what: str, question: Callable[[random.Random], AuditFilters], options: Options
) -> Iterator[Row]:
    rng = random.Random(11)  # noqa: S311 - a sample
    audit.search(**question(rng))
    rounds = []
    for _ in range(options.rounds):
        samples = []
        for _ in range(_A_ROUND):
            filters = question(rng)
            started = perf_counter()
            page = audit.search(**filters)
            samples.append(1000 * (perf_counter() - started))
            if any(filters.get("actor_id", each.actor_id) != each.actor_id for each in page.items):
                raise BenchmarkFailed("A search found what was not asked for.")
        rounds.append(samples)
    facts: dict[str, Any] = {"benchmark": "audit", "database": home.kind, "unit": "ms"}
    yield Row.of_samples(rounds, 0.5, what=f"{what}, p50", **facts)
    yield Row.of_samples(rounds, 0.95, what=f"{what}, p95", aim=SEARCH_P95_MS, **facts)


BENCHMARKS: Final = {"search": searches, "reads": reads, "http": reads_over_http}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command("audit", context_settings={"help_option_names": ["-h", "--help"]})
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    only: Annotated[
        list[str] | None, typer.Option(help="Measure this alone: search, reads (without HTTP) or http (reads over it).")
    ] = None,
    entries: Annotated[int, typer.Option(min=1_000, max=100_000_000, help="How long the trail is.")] = ENTRIES,
    database: Annotated[list[str] | None, typer.Option(help="On this database alone: sqlite or postgresql.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help=f"Rounds of {_A_ROUND} searches of each kind.")] = 3,
    postgres_url: Annotated[
        str | None,
        typer.Option(
            help="A running PostgreSQL whose account may create databases; by default one of our own is started."
        ),
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="A folder on the disk to measure; by default the temporary folder.")
    ] = None,
    table: Annotated[Path | None, typer.Option(help="Write the table to this file as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, also on a terminal.")] = False,  # noqa: FBT002 - Typer's flags are boolean parameters
) -> None:
    """Measure searches of a long audit trail, by every filter and several together; and reading with and without entries."""
    options = Options(
        only=tuple(only or ()),
        databases=tuple(database or DATABASES),
        rounds=rounds,
        scale=entries / ENTRIES,
        postgres_url=postgres_url,
        folder=folder,
    )
    facts, rows = run(options, voice(as_json=as_json), BENCHMARKS)
    if table:
        table.write_text(markdown(rows, facts), encoding="utf-8")
