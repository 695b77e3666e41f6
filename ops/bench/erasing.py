"""What it takes to erase a client of ten years: every step but the wait for other processes' leases."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final
from uuid import UUID

import typer

from adapters.log.checkpoints import key_name
from adapters.log.key_file import create_signer
from domain.model.erasure import ErasureBasis, ErasureState
from domain.services.erasing import ErasingService
from ops.bench.clinic import clinic
from ops.bench.courses import Courses
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row, markdown
from ops.bench.store import DATABASES, run
from ops.bootstrap import Part, System, build
from ops.console import voice
from ops.erasing import erasing
from ops.hosting import call_of_host

P99_MS: Final = Aim(1000)
CLIENTS: Final = 30
_WEEKS: Final = 521


def erase(home: Home, options: Options) -> Iterator[Row]:
    """One client after the other, in a process that nobody waits for."""
    samples = Courses(max(2, round(CLIENTS * min(1.0, options.scale))))
    weeks = dict.fromkeys(samples.clients, _WEEKS)
    with home.deployment() as place, clinic(place, samples, weeks) as one:
        elsewhere = place.settings.data_dir / "elsewhere"
        elsewhere.mkdir()
        settings = replace(one.settings, off_box=str(elsewhere))
        with build(settings, parts=Part.PROJECTIONS) as system:
            system.runner().catch_up()
            events = system.recorder.last_position()
            create_signer(settings.log_key_file, key_name(system.recorder.deployment_id))
        with build(settings, parts=Part.WORKER) as system:
            asked = [_asked(system, client) for client in samples.clients]
            system.lease.stop()
            service = erasing(system)
            took = [_erased(system, service, each) for each in asked]
    what = f"client of {_WEEKS:,} weeks"
    facts = {"benchmark": "erase", "database": home.kind, "unit": "ms", "note": f"log of {events:,} events"}
    yield Row.of_samples([took], 0.5, what=f"{what}, p50", **facts)
    yield Row.of_samples([took], 0.99, what=f"{what}, p99", aim=P99_MS, **facts)


def _asked(system: System, client_id: UUID) -> UUID:
    erasure_id = system.ids.ordered()
    call = call_of_host(system)
    # A basis that no minimum stands before: the policy is not what is measured.
    system.services.erasures.request(call, erasure_id, client_id, ErasureBasis.COURT_ORDER)
    return erasure_id


def _erased(system: System, service: ErasingService, erasure_id: UUID) -> float:
    """Milliseconds from the fence to the receipt. Raises BenchmarkFailed."""
    started = perf_counter()
    erasure = service.carry_out(call_of_host(system), erasure_id)
    took_ms = 1000 * (perf_counter() - started)
    if erasure.state is not ErasureState.COMPLETED or not erasure.events:
        raise BenchmarkFailed("A client was not erased.", state=erasure.state.value)
    return took_ms


BENCHMARKS: Final = {"erase": erase}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command("erase", context_settings={"help_option_names": ["-h", "--help"]})
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    database: Annotated[list[str] | None, typer.Option(help="On this database alone: sqlite or postgresql.")] = None,
    scale: Annotated[float, typer.Option(min=0.001, max=1, help=f"Fewer than {CLIENTS} clients.")] = 1.0,
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
    """Measure the erasure of clients with ten years of weekly sessions, without the wait for leases of other processes."""
    options = Options(
        databases=tuple(database or DATABASES), scale=scale, rounds=1, postgres_url=postgres_url, folder=folder
    )
    facts, rows = run(options, voice(as_json=as_json), BENCHMARKS)
    if table:
        table.write_text(markdown(rows, facts), encoding="utf-8")
