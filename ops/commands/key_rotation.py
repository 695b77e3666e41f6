"""`keys rotate`: a new root, new client keys, a new epoch of data keys. Everything may be interrupted and repeated."""

import re
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

if TYPE_CHECKING:
    from ops.console import Voice
    from ops.custody import Replaced

app = typer.Typer(help="Replace keys; nothing that was recorded is rewritten.", no_args_is_help=True)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Purpose = Literal["main", "notes"]
_DAY_US = 86_400_000_000


@app.command("root")
def root(
    to: Annotated[str, typer.Option("--to", help="file:/path or awskms:<ARN>, one of those in ANAMNESIS_ROOT_KEY.")],
    purpose: Annotated[Purpose, typer.Option("--purpose", help="Which root: for everything, or for notes.")] = "main",
    as_json: AsJson = False,
) -> None:
    """Let another root key take over, and wrap with it all that hangs from the old one.

    First name both, separated by a comma, in ANAMNESIS_ROOT_KEY (or ANAMNESIS_NOTES_ROOT_KEY) and restart every process; then
    rotate, beside the running system; then take the old one out of the settings and run `anamnesis keys retire`.
    """
    from ops.console import voice
    from ops.custody import Custody
    from ops.hosting import hosted

    speaker = voice(as_json=as_json)
    with hosted() as system:
        custody = Custody(system)
        moving = custody.begin_root(purpose, to)
        if not moving:
            speaker.say("nothing_to_move", "This root key serves already, and nothing hangs from an earlier one.")
        for old, count in moving:
            with speaker.track("moving", "Keys", count) as advance:
                done = custody.move(old, advance)
            _leave_when_left_out(speaker, done)
            for generation in done.retired:
                text = (
                    f"Nothing hangs from {generation} any more, it is retired; {done.keys:,} keys were moved just now."
                )
                speaker.say("root_replaced", text, keys=done.keys, retired=generation)
    speaker.say(
        "root_to_be_retired",
        "Take the old address out of the settings of every process, restart them, destroy the old key and all its copies, "
        "then run `anamnesis keys retire`.",
    )


@app.command("client")
def client(
    client_id: Annotated[UUID | None, typer.Argument(help="Whose keys.")] = None,
    older_than: Annotated[
        str | None, typer.Option("--all-older-than", help="All clients whose key is older, such as 365d.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give clients new keys; their data keys are wrapped again, and the old client keys destroyed. History stays readable."""
    from ops.console import voice
    from ops.custody import Custody
    from ops.hosting import hosted

    if (client_id is None) == (older_than is None):
        raise typer.BadParameter("Name one client, or --all-older-than.")
    speaker = voice(as_json=as_json)
    with hosted() as system:
        custody = Custody(system)
        chosen = [client_id] if client_id else custody.clients(_age_us(older_than or ""))
        with speaker.track("replacing", "Clients", len(chosen)) as advance:
            done = custody.replace_clients(chosen, advance)
    text = f"{done.clients:,} clients have new keys; {done.keys:,} data keys hang from them."
    speaker.say("client_keys_replaced", text, clients=done.clients, keys=done.keys)
    _leave_when_left_out(speaker, done)


@app.command("epoch")
def epoch(
    record_class: Annotated[str, typer.Option("--class", help="Such as journal, measures, notes, audit, token.")],
    client_id: Annotated[UUID | None, typer.Option("--client", help="Of one client alone.")] = None,
    as_json: AsJson = False,
) -> None:
    """Seal with a new data key from now on: running processes take to it within five minutes. What was sealed stays."""
    from domain.ports.keys import RecordClass
    from ops.console import voice
    from ops.custody import Custody
    from ops.hosting import hosted

    try:
        chosen = RecordClass(record_class)
    except ValueError:
        raise typer.BadParameter(f"One of {', '.join(RecordClass)}.") from None
    if chosen.of_organisation and client_id is not None:
        raise typer.BadParameter(f"Keys of class {chosen} belong to no client.")
    speaker = voice(as_json=as_json)
    with hosted() as system:
        custody = Custody(system)
        total = 1 if client_id else custody.owners(chosen)
        with speaker.track("making", "Keys", total) as advance:
            done = custody.replace_epoch(chosen, client_id, advance)
    speaker.say("epoch_begun", f"{done.keys:,} new keys of class {chosen}.", keys=done.keys, key_class=str(chosen))
    _leave_when_left_out(speaker, done)


def _age_us(text: str) -> int:
    if not re.fullmatch(r"\d{1,5}d", text):
        raise typer.BadParameter("An age in days, such as 365d.")
    return int(text[:-1]) * _DAY_US


def _leave_when_left_out(speaker: "Voice", done: "Replaced") -> None:
    """Names what stayed as it was, and ends with 1."""
    for each in done.left_out:
        speaker.warn(
            "left_out", f"{each} stays as it was: unknown, erased, or damaged. Run `anamnesis keys check`.", id=each
        )
    if done.left_out:
        raise typer.Exit(1)
