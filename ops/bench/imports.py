"""`anamnesis bench import`: transcripts taken over a second, from a file with AnnoMI's columns or as many invented ones."""

import csv
from collections.abc import Iterator
from datetime import date
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final
from zoneinfo import ZoneInfo

import typer

from domain.ports.call import Role
from ops.bench.options import Options
from ops.bench.places import Home, Place
from ops.bench.results import Aim, Row, markdown
from ops.bench.store import run
from ops.bootstrap import Part, build
from ops.console import voice
from ops.hosting import call_of_host
from ops.imports.annomi import Conversation, conversations, counted
from ops.imports.conversations import Taking
from ops.imports.run import Import

_LOGIN: Final = "importer@bench.example"
_AIM: Final = Aim(20, at_least=True)
_TRANSCRIPTS, _UTTERANCES, _WORDS = 101, 81, 20
"""As many and as long as AnnoMI's on average (8,153 utterances in 101 transcripts)."""


def imports(home: Home, _options: Options, *, file: Path | None, rounds: int) -> Iterator[Row]:
    """From reading the file to the last durable append: how many a second, into a new deployment each round."""
    rates, sizes = [], {"transcripts": 0, "utterances": 0}
    for _ in range(rounds):
        with home.deployment() as place:
            path = file or _invented(place.settings.data_dir / "conversations.csv")
            began = perf_counter()
            sizes = _take(place, path)
            rates.append(sizes["transcripts"] / (perf_counter() - began))
    note = f"{sizes['transcripts']} transcripts, {sizes['utterances']:,} utterances, {'given' if file else 'invented'}"
    yield Row.of_rounds(
        rates, benchmark="import", database=home.kind, what="transcripts, with start-up", unit="/s", aim=_AIM, note=note
    )


def _take(place: Place, path: Path) -> dict[str, int]:
    """What `anamnesis import transcripts` does, with an account to answer for it."""
    with build(place.settings, parts=Part.HOST) as system:
        system.services.accounts.bootstrap(
            call_of_host(system),
            system.ids.opaque(),
            login=_LOGIN,
            password=str(system.ids.opaque()),
            display_name="Bench",
            role=Role.CLINICIAN,
        )
        service, counts = system.imports(), counted(path)
        taking = Taking(
            names=service.names("bench"),
            source="bench",
            author=service.author(_LOGIN),
            day=date(2026, 1, 5),
            zone=ZoneInfo(place.settings.clinic_zone).key,
            at=system.clock.now(),
        )
        read = (one for one in conversations(path, counts) if isinstance(one, Conversation))
        items = ((f"line {one.line}", taking.record(one)) for one in read)
        tally = Import(service, partial(call_of_host, system), lambda _count: None).each(items)
        return {"transcripts": tally.written, "utterances": sum(counts.values())}


def _invented(path: Path) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("transcript_id", "utterance_id", "interlocutor", "timestamp", "utterance_text", "topic"))
        for transcript in range(_TRANSCRIPTS):
            for number in range(_UTTERANCES):
                who = ("therapist", "client")[number % 2]
                text = " ".join(f"word{(transcript + number * word) % 997}" for word in range(_WORDS))
                rows.writerow((transcript, number, who, f"00:{number // 6 % 60:02}:00", text, "invented"))
    return path


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def main(
    file: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="A file with AnnoMI's columns; invented ones otherwise."),
    ] = None,
    database: Annotated[list[str] | None, typer.Option(help="On this database alone: sqlite or postgresql.")] = None,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Rounds, each into a new deployment.")] = 3,
    table: Annotated[Path | None, typer.Option(help="Write the table to this file as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, also on a terminal.")] = False,  # noqa: FBT002 - Typer's flags are boolean parameters
) -> None:
    """Measure how many transcripts a second are taken over, durably, against the aim of 20."""
    options = Options(databases=tuple(database or ("sqlite", "postgresql")), rounds=rounds)
    benchmark = partial(imports, file=file, rounds=rounds)
    facts, rows = run(options, voice(as_json=as_json), {"import": benchmark})
    if table:
        table.write_text(markdown(rows, facts), encoding="utf-8")
