"""`restore`: a deployment from its back-ups, as the next incarnation of its log."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ops.backup.restoring import Restored
    from ops.console import Voice

CONFIRMATION = "restore without the register"
_STAGES = {
    "loaded": "The events are in place.",
    "keyed": "The keys are in place.",
    "replayed": "The register of erasures was read, and what it names erased again.",
    "opened": "The log's next incarnation is open.",
    "finished": "The restore is finished.",
}


def restore(  # one parameter an option
    events: Annotated[
        str, typer.Argument(metavar="FROM", help="A back-up of events, or the place of several: then the newest.")
    ],
    keys: Annotated[
        str,
        typer.Option("--keys", help="A back-up of keys, taken after it. Left out, the key database stays as it is."),
    ] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="Move SQLite files that are there aside, into a folder beside them.")
    ] = False,
    without_register: Annotated[
        bool,
        typer.Option(
            "--without-register", help="Go on where the register of erasures can't be read. Asks for a sentence."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Restore the event database, and the keys, from back-ups. Stop every process first.

    Before a key is opened, every erasure in the register off the box is carried out again. The log goes on as a new
    incarnation whose first record names the back-up and what was lost. Killed half-way, the same command goes on; until it
    is done no process starts.
    """
    from ops.backup.planning import Wish
    from ops.backup.restoring import restore as run
    from ops.console import voice
    from ops.demo import seen_from_inside
    from ops.hosting import call_of_host
    from ops.logging import configure
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    if without_register:
        _confirm()
    settings = seen_from_inside(Settings.load())
    configure("warning", process="restore")
    wish = Wish(events=events, keys=keys, replace=replace, without_register=without_register)
    done = run(
        settings,
        wish,
        call_of_host,
        lambda stage: speaker.say("restore_stage", _STAGES[stage.value], stage=stage.value),
    )
    _tell(speaker, done)


def _confirm() -> None:
    """Typed, so that nobody does it by a habit of pressing return."""
    from ops.backup.errors import RestoreNotWanted

    typer.echo(
        "Clients that were erased since the back-up will be readable again, and nothing can tell you which.", err=True
    )
    if typer.prompt(f"Type '{CONFIRMATION}' to go on", err=True).strip() != CONFIRMATION:
        raise RestoreNotWanted


def _tell(speaker: "Voice", done: "Restored") -> None:
    facts = {
        "incarnation": done.incarnation,
        "kept": done.kept,
        "lost": list(done.lost) if done.lost else None,
        "covered": done.covered,
        "erased": done.erased,
    }
    if done.already:
        speaker.say(
            "restored_already",
            f"This back-up was restored before, as incarnation {done.incarnation}. Nothing was done.",
            **facts,
        )
        return
    speaker.say(
        "restored",
        f"Restored up to position {done.kept:,}; the log goes on as incarnation {done.incarnation}. "
        f"Erasures carried out again: {done.erased}.",
        **facts,
    )
    if done.lost:
        speaker.warn(
            "positions_lost",
            f"Positions {done.lost[0]:,} to {done.lost[1]:,} were published and are lost.",
            lost=list(done.lost),
        )
    if not done.covered:
        speaker.warn("backup_unconfirmed", "No checkpoint off the box is old enough to confirm the back-up's log.")
    if done.aside:
        speaker.say(
            "replaced",
            f"What was there lies in {done.aside}. Destroy it once it is of no use: it holds keys.",
            path=str(done.aside),
        )
    speaker.say(
        "views_empty", "Views are empty: `anamnesis project` fills them when it starts, or `anamnesis rebuild-views`."
    )
