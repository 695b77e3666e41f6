"""`import`: records from elsewhere, taken over on the host."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import datetime as dt

    from ops.console import Voice
    from ops.imports.run import Tally

app = typer.Typer(
    help="Take over records from elsewhere. Running it again writes nothing twice; exit code 1 when something was left out.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True, help="The file; a pipe will not do.")]
AllOrNothing = Annotated[
    bool, typer.Option("--all-or-nothing", help="Write nothing at all when a single client can't be read.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Read and check everything, and write nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("transcripts")
def transcripts(  # noqa: PLR0913, PLR0917 - one parameter an option
    file: File,
    clinician: Annotated[str, typer.Option(help="Login of the clinician who answers for the entries.")],
    source: Annotated[
        str, typer.Option(help="Name of the data set; keeps its transcripts apart from others'.")
    ] = "AnnoMI",
    date: Annotated[
        str | None,
        typer.Option(
            help="The day all of it took place, such as 2026-03-02; the file has none. [dim]Default: today.[/]"
        ),
    ] = None,
    zone: Annotated[str | None, typer.Option(help="Zone of that day. [dim]ANAMNESIS_CLINIC_ZONE[/]")] = None,
    all_or_nothing: AllOrNothing = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Conversations with the columns of AnnoMI (CSV, simple or full): each becomes a client with one session, unsigned, and
    its transcript.
    """
    from ops.console import voice
    from ops.imports.command import transcripts as run

    speaker = voice(as_json=as_json)
    tally = run(
        speaker,
        file,
        login=clinician,
        source=source,
        day=_day(date),
        zone=zone,
        all_or_nothing=all_or_nothing,
        dry_run=dry_run,
    )
    _end(speaker, tally, "transcript", all_or_nothing=all_or_nothing, dry_run=dry_run)


@app.command("json")
def json(  # noqa: PLR0913, PLR0917 - one parameter an option
    file: File,
    clinician: Annotated[
        str | None, typer.Option(help="Login of the clinician who is meant wherever the file names nobody.")
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(help="Name of the source, in place of the file's; keeps its clients apart from others'."),
    ] = None,
    all_or_nothing: AllOrNothing = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Whole records in the project's own format (docs/import.md): identities, sessions with transcripts, appointments, goals,
    measures, flags, plans, diagnoses, medications.
    """
    from ops.console import voice
    from ops.imports.command import records as run

    speaker = voice(as_json=as_json)
    tally = run(speaker, file, login=clinician, source=source, all_or_nothing=all_or_nothing, dry_run=dry_run)
    _end(speaker, tally, "client", all_or_nothing=all_or_nothing, dry_run=dry_run)


@app.command("schema")
def schema() -> None:
    """Print the JSON Schema of the project's own format."""
    from importlib.resources import files

    typer.echo((files("ops") / "data" / "import.schema.json").read_text(encoding="utf-8"), nl=False)


def _day(text: str | None) -> "dt.date | None":
    from datetime import date

    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter("must be a day such as 2026-03-02", param_hint="--date") from None


def _end(speaker: "Voice", tally: "Tally", noun: str, *, all_or_nothing: bool, dry_run: bool) -> None:
    """The summary, and exit code 1 when something was left out."""
    for spoilt in tally.spoilt:
        for fault in spoilt.faults:
            speaker.warn(fault.code, f"{fault.where}: {fault.text}", where=fault.where)
        if spoilt.count > len(spoilt.faults):
            more = spoilt.count - len(spoilt.faults)
            speaker.warn("faults_more", f"{spoilt.where}: and {more} more.", where=spoilt.where, count=more)
    wrote = "Would write" if dry_run else "Wrote"
    many = noun if tally.written == 1 else f"{noun}s"
    were = "was" if tally.there_already == 1 else "were"
    text = f"{wrote} {tally.written} {many}; {tally.there_already} {were} there already; {len(tally.spoilt)} left out."
    if tally.spoilt and all_or_nothing:
        text += " Nothing was written, as asked."
    speaker.say(
        "imported",
        text,
        written=tally.written,
        there_already=tally.there_already,
        left_out=len(tally.spoilt),
        dry_run=dry_run,
    )
    if tally.spoilt:
        raise typer.Exit(1)
