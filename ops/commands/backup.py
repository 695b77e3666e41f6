"""`backup`: copies of the event and the key database, their list, and whether they are whole."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ops.backup.manifest import Manifest
    from ops.console import Voice

app = typer.Typer(help="Back up the event and the key database, while the deployment runs.", rich_markup_mode="rich")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Where = Annotated[str, typer.Argument(help="The folder or s3://bucket/prefix, or one back-up in it.")]


@app.callback(invoke_without_command=True)
def _backup(
    context: typer.Context,
    to: Annotated[str, typer.Option("--to", help="Folder or s3://bucket/prefix for the events.")] = "",
    keys_to: Annotated[
        str, typer.Option("--keys-to", help="Another place, for the keys: who holds both needs only the root key.")
    ] = "",
    what: Annotated[str, typer.Option(help="events, keys or all.")] = "all",
    as_json: AsJson = False,
) -> None:
    """Back up the event and the key database, while the deployment runs.

    Events first, keys afterwards. Views need no back-up; root key files and the log's key are never in one.
    """
    if context.invoked_subcommand is None:
        _take(to, keys_to, what, as_json=as_json)


def _take(to: str, keys_to: str, what: str, *, as_json: bool) -> None:
    from ops.backup.errors import PlaceUnusable
    from ops.backup.places import place_at
    from ops.backup.taking import ORDER, take
    from ops.console import voice
    from ops.hosting import call_of_host, hosted

    if what not in ("events", "keys", "all"):
        raise typer.BadParameter("events, keys or all", param_hint="--what")
    if not to and not (what == "keys" and keys_to):
        raise typer.BadParameter("name a folder or s3://bucket/prefix", param_hint="--to")
    speaker = voice(as_json=as_json)
    addresses = {"events": to, "keys": keys_to or to}
    if what == "all" and addresses["keys"] == to:
        speaker.warn(
            "backups_in_one_place",
            "Events and keys go to one place: whoever reads it needs only the root key. Name another with --keys-to.",
        )
    with hosted() as system:
        for one in ORDER:
            if what not in (one, "all"):
                continue
            place, name = place_at(addresses[one], s3_endpoint=system.settings.s3_endpoint)
            if name:
                raise PlaceUnusable("That is a back-up already; name the folder that it lies in.", place=place.address)
            with speaker.wait(f"Copying the {one} …"):
                taken = take(system, call_of_host(system), one, place)
            _say(speaker, "backup_taken", taken.address, taken.manifest)


@app.command("list")
def backups(where: Where, as_json: AsJson = False) -> None:
    """Finished back-ups at a place. What was cut off has no manifest and is not shown."""
    from ops.backup.places import place_at
    from ops.backup.taking import listed
    from ops.console import voice
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    place, _ = place_at(where, s3_endpoint=Settings.load().s3_endpoint)
    found = list(listed(place))
    for name, manifest in found:
        _say(speaker, "backup", name, manifest)
    if not found:
        speaker.say("no_backups", "There is no finished back-up here.", place=place.address)


@app.command("check")
def check(where: Where, as_json: AsJson = False) -> None:
    """Read back-ups whole: every file by its hash, every event by its leaf, the log by its root. Exit code 1 when one is damaged."""
    from ops.backup.checking import checked
    from ops.backup.places import place_at
    from ops.console import voice
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    place, name = place_at(where, s3_endpoint=Settings.load().s3_endpoint)
    names = [name] if name else place.names()
    for one in names:
        _say(speaker, "backup_whole", one, checked(place, one))
    if not names:
        speaker.say("no_backups", "There is no finished back-up here.", place=place.address)


@app.command("drill")
def drill(
    events: Where,
    keys: Annotated[str, typer.Option("--keys", help="Where the keys lie.")],
    as_json: AsJson = False,
) -> None:
    """Practise a restore in a temporary folder: load, carry out the register of erasures, read every event. Changes nothing."""
    from ops.backup.drilling import drill as run
    from ops.backup.planning import Wish
    from ops.console import voice
    from ops.demo import seen_from_inside
    from ops.logging import configure
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    settings = seen_from_inside(Settings.load())
    configure("warning", process="drill")
    with speaker.wait("Restoring into a temporary folder …"):
        done = run(settings, Wish(events=events, keys=keys))
    confirmed = (
        f"a checkpoint of {done.covered:,} confirms it" if done.covered else "no checkpoint is old enough to confirm it"
    )
    speaker.say(
        "drilled",
        f"The back-up can be restored: {done.position:,} events, {done.opened:,} read, {done.erased:,} erased, "
        f"{done.set_apart:,} psychotherapy notes left closed; {confirmed} ({done.seconds:.1f} s).",
        position=done.position,
        opened=done.opened,
        erased=done.erased,
        set_apart=done.set_apart,
        covered=done.covered,
        seconds=round(done.seconds, 3),
    )


def _say(speaker: "Voice", code: str, name: str, manifest: "Manifest") -> None:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(manifest.taken_at_us / 1_000_000, UTC)
    size = sum(one.size for one in manifest.files)
    reach = (
        f"up to position {manifest.position:,}"
        if manifest.what == "events"
        else f"for events up to {manifest.position:,}"
    )
    speaker.say(
        code,
        f"{name}: {manifest.what} {reach}, {size / 1e6:,.1f} MB, {at:%Y-%m-%d %H:%M:%S} UTC",
        name=name,
        what=manifest.what,
        position=manifest.position,
        incarnation=manifest.incarnation,
        root=manifest.root,
        bytes=size,
        taken_at=at.isoformat(),
    )
