"""`anamnesis bench store`: what the store and the API do a second on this machine, against their aims.

Every number comes after its result was checked, from databases that flush each commit to a disk. The alternatives of a
comparison take turns within each round.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from domain.errors import Misconfigured
from ops.bench import machine
from ops.bench.options import Options
from ops.bench.places import Home, SqliteHome, postgresql_home, scratch
from ops.bench.results import Row, markdown
from ops.console import Voice, voice

Benchmark = Callable[[Home, Options], Iterator[Row]]
DATABASES: Final = ("sqlite", "postgresql")


def _appends(home: Home, options: Options) -> Iterator[Row]:
    from ops.bench.appends import appends  # noqa: PLC0415 - each benchmark brings its own heavy imports

    return appends(home, options)


def _replay(home: Home, options: Options) -> Iterator[Row]:
    from ops.bench.replay import replay  # noqa: PLC0415 - as above

    return replay(home, options)


def _lag(home: Home, options: Options) -> Iterator[Row]:
    from ops.bench.lag import lag  # noqa: PLC0415 - as above

    return lag(home, options)


def _http(home: Home, options: Options) -> Iterator[Row]:
    from ops.bench.surface import http  # noqa: PLC0415 - as above

    return http(home, options)


def _start(home: Home, options: Options) -> Iterator[Row]:
    from ops.bench.start import start  # noqa: PLC0415 - as above

    return start(home, options)


BENCHMARKS: Final[dict[str, Benchmark]] = {
    "appends": _appends,
    "replay": _replay,
    "lag": _lag,
    "http": _http,
    "start": _start,
}


class NoSuchBenchmark(Misconfigured):
    code = "no_such_benchmark"


def run(
    options: Options, speaker: Voice, benchmarks: Mapping[str, Benchmark] = BENCHMARKS
) -> tuple[dict[str, str], list[Row]]:
    """Measure, telling each row as it comes; what the numbers depend on, and the rows. Raises NoSuchBenchmark, NoDisk, NoPostgresql, NotDurable, BenchmarkFailed."""
    for kind, given, known in (("benchmark", options.only, benchmarks), ("database", options.databases, DATABASES)):
        for name in given:
            if name not in known:
                raise NoSuchBenchmark(f"There is no {kind} of this name; there are: {', '.join(known)}.", name=name)
    rows: list[Row] = []
    with ExitStack() as stack:
        folder = stack.enter_context(scratch(options.folder))
        homes = _homes(options, folder, stack)
        facts = header(folder, homes, options)
        for name, fact in facts.items():
            speaker.say("bench.machine", f"{name:12} {fact}", fact=name, value=fact)
        for home in homes:
            for name, benchmark in benchmarks.items():
                if name in (options.only or benchmarks):
                    for row in benchmark(home, options):
                        rows.append(row)
                        speaker.say("bench.row", _line(row), **row.facts())
    return facts, rows


def _homes(options: Options, folder: Path, stack: ExitStack) -> list[Home]:
    homes: list[Home] = []
    if "sqlite" in options.databases:
        homes.append(SqliteHome(folder))
    if "postgresql" in options.databases:
        homes.append(stack.enter_context(postgresql_home(folder, options.postgres_url)))
    return homes


def header(folder: Path, homes: Sequence[Home], options: Options) -> dict[str, str]:
    """What the numbers depend on."""
    versions = machine.versions()
    for home in homes:
        versions |= home.versions()
    return {
        "taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": machine.commit(),
        **machine.machine(folder),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "rounds": f"{options.rounds}, {options.seconds:g} s or size x {options.scale:g} each",
    }


def _line(row: Row) -> str:
    aim = f"  aim {row.aimed_at()}: {row.verdict}" if row.aim else ""
    note = f"  {row.note}" if row.note else ""
    return f"{row.database:10} {f'{row.benchmark}: {row.what}':56} {row.measured()} {row.unit}{aim}{note}"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def store(  # noqa: PLR0913, PLR0917 - one parameter an option
    only: Annotated[
        list[str] | None, typer.Option(help=f"Measure this alone; may be given several times: {', '.join(BENCHMARKS)}.")
    ] = None,
    database: Annotated[list[str] | None, typer.Option(help="On this database alone: sqlite or postgresql.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds of each measure.")] = 3,
    seconds: Annotated[
        float, typer.Option(min=0.1, max=600, help="Length of a round where time is what ends it.")
    ] = 2.0,
    scale: Annotated[
        float, typer.Option(min=0.001, max=100, help="Multiplies how much is written and read in a round.")
    ] = 1.0,
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
    """Measure durable appends, what sealing costs, replay, rebuild, projection lag, HTTP, a long journey, memory and start-up
    against their aims, beside the eventsourcing library's own recorder.
    """
    options = Options(
        only=tuple(only or ()),
        databases=tuple(database or DATABASES),
        rounds=rounds,
        seconds=seconds,
        scale=scale,
        postgres_url=postgres_url,
        folder=folder,
    )
    facts, rows = run(options, voice(as_json=as_json))
    if table:
        table.write_text(markdown(rows, facts), encoding="utf-8")
