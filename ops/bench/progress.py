"""`anamnesis bench progress`: what reading a whole record costs: reports, pictures, paper, contexts, a caseload.

Over HTTP, from an API as `anamnesis serve` runs it, one request after the other on one kept connection: each number is what
a person waits for. Every answer is checked before it is counted.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from domain.ports.pictures import Picture
from ops.bench.clinic import Clinic, clinic, serving, sign_in
from ops.bench.courses import Courses
from ops.bench.options import Options
from ops.bench.places import Home
from ops.bench.processes import BenchmarkFailed
from ops.bench.results import Aim, Row, markdown
from ops.bench.store import DATABASES, run
from ops.bench.sweeps import sweeps
from ops.bootstrap import Part, build
from ops.console import voice

REPORT_P95_MS: Final = Aim(100)
CONTEXT_P95_MS: Final = Aim(100)
PDF_P95_MS: Final = Aim(300)
CASELOAD_P95_MS: Final = Aim(300)
EXPORT_P95_MS: Final = Aim(2_000)
WEEKS: Final = 520
CLIENTS: Final = 200
_OTHERS_WEEKS: Final = 26
_A_ROUND: Final = 20
_BUDGET: Final = 8192
_JSON: Final = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request, and what its answer must be."""

    what: str
    target: str
    accept: str = _JSON
    body: Any = None
    aim: Aim | None = None
    right: Callable[[bytes], bool] = bool


def progress(home: Home, options: Options) -> Iterator[Row]:
    """A client of ten weekly years, in a caseload of 200 clients of half a year."""
    samples = Courses(max(2, round(CLIENTS * min(1.0, options.scale))))
    weeks = dict.fromkeys(samples.clients, max(6, round(_OTHERS_WEEKS * min(1.0, options.scale))))
    weeks[samples.clients[0]] = max(12, round(WEEKS * min(1.0, options.scale)))
    with home.deployment() as place, clinic(place, samples, weeks) as one:
        with build(one.settings, parts=Part.API) as system:
            system.runner().catch_up()
        with serving(one):
            for question in _questions(samples.clients[0], weeks[samples.clients[0]], len(samples.clients)):
                yield from _measured(home, one, question, options)


def _questions(client: UUID, weeks: int, clients: int) -> Iterator[Question]:
    report = f"/v1/clients/{client}/progress"
    whole = "look_back=11y"
    held = f"{weeks:,} weeks"

    def sessions(body: bytes) -> bool:
        return int(json.loads(body)["engagement"]["sessions"]) > weeks // 2

    yield Question(what=f"report, {held}", target=f"{report}?{whole}", aim=REPORT_P95_MS, right=sessions)
    yield Question(what=f"report by month, {held}", target=f"{report}?{whole}&by=month", right=sessions)
    yield Question(what="report, usual period", target=report)
    for what, body in (
        ("by recency", {}),
        ("by words", {"words": "What about sleep, worry and the calls with the sister?"}),
        ("by words, last year", {"words": "sleep and worry", "look_back": "1y"}),
    ):
        yield Question(
            what=f"context of {_BUDGET:,} tokens {what}",
            target=f"/v1/clients/{client}/context",
            body={"budget": _BUDGET, **body},
            aim=CONTEXT_P95_MS,
            right=lambda told: 0 < json.loads(told)["tokens"] <= _BUDGET,
        )
    pdf = "application/pdf"
    for what, target, aim in (("PDF, usual period", report, None), (f"PDF, {held}", f"{report}?{whole}", PDF_P95_MS)):
        yield Question(what=what, target=target, accept=pdf, aim=aim, right=lambda told: told.startswith(b"%PDF-"))
    for picture in Picture:
        target = f"{report}/pictures/{picture.value}"
        yield Question(what=f"{picture.value} as SVG", target=target, accept="image/svg+xml")
    yield Question(what="scores as PNG", target=f"{report}/pictures/scores", accept="image/png")
    for what, accept, right in (
        ("JSON with its history", _JSON, lambda told: len(json.loads(told)["history"]) > weeks),
        ("FHIR", "application/fhir+json", lambda told: len(json.loads(told)["entry"]) > weeks),
    ):
        target = f"/v1/clients/{client}/export"
        yield Question(what=f"export as {what}, {held}", target=target, accept=accept, aim=EXPORT_P95_MS, right=right)
    yield Question(
        what=f"caseload of {clients} clients",
        target="/v1/caseload",
        aim=CASELOAD_P95_MS,
        right=lambda told: len(json.loads(told)["clients"]) == clients,
    )


def _measured(home: Home, one: Clinic, question: Question, options: Options) -> Iterator[Row]:
    """The half and the slowest twentieth."""
    token = sign_in(one, one.samples.clinicians[0])
    count = max(2, round(_A_ROUND * min(1.0, options.scale)))
    connection = HTTPConnection(one.settings.host, one.settings.port, timeout=60)
    try:
        for _ in range(max(1, count // 4)):
            _asked(connection, token, question)
        rounds = [[_asked(connection, token, question) for _ in range(count)] for _ in range(options.rounds)]
    finally:
        connection.close()
    facts: dict[str, Any] = {"benchmark": "progress", "database": home.kind, "unit": "ms"}
    yield Row.of_samples(rounds, 0.5, what=f"{question.what}, p50", **facts)
    yield Row.of_samples(rounds, 0.95, what=f"{question.what}, p95", aim=question.aim, **facts)


def _asked(connection: HTTPConnection, token: str, question: Question) -> float:
    """Milliseconds until the whole answer was there. Raises BenchmarkFailed when it is not what it should be."""
    headers = {"Authorization": f"Bearer {token}", "Accept": question.accept}
    body = None if question.body is None else json.dumps(question.body)
    if body is not None:
        headers["Content-Type"] = _JSON
    started = perf_counter()
    connection.request("GET" if body is None else "POST", question.target, body=body, headers=headers)
    answer = connection.getresponse()
    told = answer.read()
    took_ms = 1000 * (perf_counter() - started)
    if answer.status != 200 or answer.headers.get_content_type() != question.accept or not question.right(told):
        raise BenchmarkFailed(f"{question.what} was not answered as it should be.", status=answer.status)
    return took_ms


BENCHMARKS: Final = {"progress": progress, "sweep": sweeps}
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command("progress", context_settings={"help_option_names": ["-h", "--help"]})
def command(  # noqa: PLR0913, PLR0917 - one parameter an option
    only: Annotated[list[str] | None, typer.Option(help=f"Measure this alone: {' or '.join(BENCHMARKS)}.")] = None,
    database: Annotated[list[str] | None, typer.Option(help="On this database alone: sqlite or postgresql.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help=f"Rounds of {_A_ROUND} requests each.")] = 3,
    scale: Annotated[
        float, typer.Option(min=0.001, max=1, help="Shortens the ten years and lessens the 200 and the 10,000 clients.")
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
    """Measure reports, contexts, PDF, pictures and a caseload over HTTP, for a client of ten years and 200 clients; and
    the work list's sweep over 10,000.
    """
    options = Options(
        only=tuple(only or ()),
        databases=tuple(database or DATABASES),
        rounds=rounds,
        scale=scale,
        postgres_url=postgres_url,
        folder=folder,
    )
    facts, rows = run(options, voice(as_json=as_json), BENCHMARKS)
    if table:
        table.write_text(markdown(rows, facts), encoding="utf-8")
