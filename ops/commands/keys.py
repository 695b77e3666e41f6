"""`keys`: the root keys, and everything that hangs from them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ops.commands.key_rotation import app as rotation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.keys.examination import Fault
    from adapters.keys.inventory import ClassCount, Inventory, RootCount
    from ops.console import Voice

app = typer.Typer(help="The root keys that everything hangs from.", no_args_is_help=True, rich_markup_mode="rich")
app.add_typer(rotation, name="rotate")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Purpose = Literal["main", "notes"]
_DAY_US = 86_400_000_000
_MOST_NAMED = 50
_WIPE = "\x1b[2J\x1b[3J\x1b[H"
"""Clears a terminal, what was scrolled away included."""


@app.callback()
def _keys() -> None:
    """The root keys that everything hangs from."""


@app.command("create")
def create(
    file: Annotated[
        Path | None, typer.Option("--file", help="Make one root key there: a successor, or a second root.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the two root key files of a new deployment, readable by their owner alone.

    Refuses where the key database knows roots already: then their files must be restored, not replaced.
    """
    from adapters.keys.root_file import FileRootKey
    from ops.console import voice
    from ops.founding import create_root_keys
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    if file is not None:
        made = FileRootKey.create(file.absolute())
        speaker.say(
            "root_key_created", f"Made a root key: {file.absolute()}", path=file.absolute(), root=made.generation
        )
    else:
        for name, path in create_root_keys(Settings.load()):
            speaker.say("root_key_created", f"Made the {name}: {path}", path=path)
    speaker.say(
        "root_keys_need_backup",
        "Keep copies somewhere safe and apart from the databases: without them nothing can be read.",
    )


@app.command("status")
def status(as_json: AsJson = False) -> None:
    """Which root keys there are, and how many keys of which class hang from them. Shows no key."""
    from ops.console import voice
    from ops.custody import status as take
    from ops.demo import seen_from_inside
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    inventory, held = take(seen_from_inside(Settings.load()))
    for root in inventory.roots:
        _say_root(speaker, root, held)
    for each in (*inventory.wrapping, *inventory.sealing):
        _say_class(speaker, each)
    _say_rest(speaker, inventory)


def _say_root(speaker: "Voice", count: "RootCount", held: set[str]) -> None:
    from time import time_ns

    root, days = count.root, (time_ns() // 1000 - count.root.created_at_us) // _DAY_US
    here = "held here" if root.generation in held else "not held here"
    speaker.say(
        "root",
        f"{root.purpose} root {root.generation}: {root.state}, {days:,} days old, {count.keys:,} keys hang from it, {here}",
        purpose=root.purpose,
        generation=root.generation,
        state=root.state,
        days=days,
        keys=count.keys,
        held=root.generation in held,
    )


def _say_class(speaker: "Voice", count: "ClassCount") -> None:
    newest = max(count.epochs, default=0)
    told = f"  {count.key_class:<12} {count.living:>9,} keys, {count.destroyed:,} destroyed, newest epoch {newest:,}"
    if count.nearly_used_up:
        told += f", {count.nearly_used_up:,} nearly used up"
    speaker.say(
        "keys",
        told,
        key_class=count.key_class,
        living=count.living,
        destroyed=count.destroyed,
        nearly_used_up=count.nearly_used_up,
        oldest_us=count.oldest_us,
        epochs=count.epochs,
    )


def _say_rest(speaker: "Voice", inventory: "Inventory") -> None:
    text = f"{inventory.clients:,} clients have keys; {inventory.orphans:,} of them have no event."
    speaker.say("clients", text, clients=inventory.clients, orphans=inventory.orphans)
    if any(count.root.state == "succeeded" for count in inventory.roots):
        mend = (
            "A root key is being replaced: run `anamnesis keys rotate root` again until nothing hangs from the old one."
        )
        speaker.warn("root_being_replaced", mend)


@app.command("check")
def check(as_json: AsJson = False) -> None:
    """Open every key once under what wraps it, and hold those that events name against them. Changes nothing.

    Exits with 1 when something is wrong; names the keys by id.
    """
    from ops.console import voice
    from ops.custody import examination
    from ops.demo import seen_from_inside
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    with examination(seen_from_inside(Settings.load())) as (examined, named):
        total = examined.total()
        with speaker.track("examining", "Keys", total) as advance:
            faults = list(examined.faults(advance))
        with speaker.wait("Looking for the keys that events name"):
            faults += examined.of_events(named)
        passed_over = examined.passed_over
    _say_faults(speaker, faults)
    if passed_over:
        text = f"{passed_over:,} keys hang from the notes root, which is not here: they were not opened."
        speaker.warn("notes_passed_over", text, keys=passed_over)
    if faults:
        raise typer.Exit(1)
    speaker.say("keys_whole", f"{total - passed_over:,} keys open as they should.", keys=total - passed_over)


def _say_faults(speaker: "Voice", faults: "Sequence[Fault]") -> None:
    from adapters.keys.examination import FAULTS

    shown = faults if not speaker.terminal else faults[:_MOST_NAMED]
    for fault in shown:
        text = f"Key {fault.key_id} of {fault.owner}: {FAULTS[fault.code]}"
        speaker.warn(fault.code, text, key=fault.key_id, owner=fault.owner)
    if len(shown) < len(faults):
        speaker.warn("more", f"… and {len(faults) - len(shown):,} more; --json names all.")


@app.command("retire")
def retire(
    generation: Annotated[str, typer.Argument(help="As `keys status` names it.")],
    as_json: AsJson = False,
) -> None:
    """Say that a retired root key is destroyed: its file and all copies of it, or the key in the KMS.

    From then on no process starts that still holds it. Copies of the key database from its time open nothing any more.
    """
    from ops.console import voice
    from ops.custody import Custody
    from ops.hosting import hosted

    speaker = voice(as_json=as_json)
    with hosted() as system:
        row = Custody(system).retire(generation)
    text = f"The {row.purpose} root {generation} counts as destroyed. Destroy every copy of it now, if you have not."
    speaker.say("root_destroyed", text, generation=generation, purpose=row.purpose)


@app.command("share")
def share(
    of: Annotated[int, typer.Option("--of", help="How many shares to make, at most 16.")],
    need: Annotated[int, typer.Option("--need", help="How many of them make up the key again, at least 2.")],
    into: Annotated[
        Path | None, typer.Option("--into", help="A folder for a file each. Without it, on the terminal one at a time.")
    ] = None,
    purpose: Annotated[Purpose, typer.Option("--purpose", help="Which root.")] = "main",
    as_json: AsJson = False,
) -> None:
    """Make shares of a root key (SLIP-39): any NEED of them make it up again, fewer tell nothing about it.

    Give each to another person. Whoever brings enough of them together holds the root key.
    """
    from adapters.keys.shares import write_share
    from ops.console import voice
    from ops.custody import Custody
    from ops.hosting import hosted

    speaker = voice(as_json=as_json)
    if into is None and not speaker.terminal:
        raise typer.BadParameter("Shares are shown on a terminal alone: name a folder with --into.")
    with hosted() as system:
        shares = Custody(system).share(purpose, of=of, need=need)
    for each in shares:
        if into is None:
            typer.echo(_WIPE + each.text())
            typer.prompt(f"Share {each.number} of {of}: copy it, then press Enter", default="", show_default=False)
            typer.echo(_WIPE, nl=False)
            continue
        path = into.absolute() / f"{purpose}-root-{each.origin.generation[-8:]}-share-{each.number}-of-{of}.txt"
        write_share(path, each)
        speaker.say("share_written", f"Wrote share {each.number} of {of}: {path}", path=path, number=each.number)
    speaker.say(
        "shared", f"Any {need} of the {of} shares make up the root key again. Try it: `anamnesis keys recover`."
    )


@app.command("recover")
def recover(
    into: Annotated[Path, typer.Option("--into", help="The root key file to make; must not be there yet.")],
    share_file: Annotated[
        list[Path] | None,
        typer.Option("--share", help="A file with a share; once for each. Without it, you are asked."),
    ] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="There is no key database to hold the key against yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make a root key file again from shares, after holding the key against the key database. Overwrites nothing."""
    from adapters.keys.shares import read_share
    from ops.console import voice
    from ops.custody import recover as make
    from ops.demo import seen_from_inside
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    words = [read_share(path) for path in share_file] if share_file else _typed_shares(speaker)
    settings = seen_from_inside(Settings.load())
    row = make(settings, words, into.absolute(), unchecked=unchecked)
    what = f"the {row.purpose} root {row.generation}" if row else "a root key that was held against nothing"
    speaker.say("root_key_recovered", f"Made {what} again: {into.absolute()}", path=into.absolute())
    _note_recovery(speaker)


def _typed_shares(speaker: "Voice") -> list[str]:
    from adapters.keys.shares import needed, read_words

    if not speaker.terminal:
        raise typer.BadParameter("Name the files of the shares with --share, once for each.")
    words: list[str] = []
    while not words or len(words) < needed(words[0]):
        words.append(read_words(typer.prompt(f"Share {len(words) + 1}", hide_input=True)))
    return words


def _note_recovery(speaker: "Voice") -> None:
    """On record where the system stands again with the recovered file; otherwise it says that it isn't."""
    from domain.errors import AnamnesisError
    from ops.custody import Custody
    from ops.hosting import hosted

    try:
        with hosted() as system:
            Custody(system).recovered()
    except AnamnesisError as error:
        text = f"The recovery is not on record, because the system does not stand yet: {error.detail} ({error.code})"
        speaker.warn("recovery_not_recorded", text, because=error.code)
