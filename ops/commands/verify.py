"""`verify`: whether anything of the log was changed, taken out, moved or made up."""

from typing import Annotated

import typer


def verify(  # noqa: PLR0913, PLR0917 - the options are the interface
    checkpoint: Annotated[
        list[str] | None,
        typer.Option(help="File or address of a checkpoint; repeat for more. By default those off the box."),
    ] = None,
    key: Annotated[str | None, typer.Option(help="Verifier key of the log, or a file that holds it.")] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option(help="Verifier key of a witness that must have cosigned; repeat for more."),
    ] = None,
    export: Annotated[str | None, typer.Option(help="Check this exported file instead; needs no database.")] = None,
    views: Annotated[bool, typer.Option("--views", help="Hold the views against the log too. Needs the keys.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Fail also on what no checkpoint covers yet.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Compute everything that the log claims anew from its rows, and hold it against checkpoints.

    Opens nothing and needs no keys. Each finding names positions, and whether they are altered, missing, moved, inserted,
    forked, or past the newest checkpoint and so not protected yet. Exit code 1 when anything is wrong.
    """
    from ops.console import voice
    from ops.demo import seen_from_inside
    from ops.settings import Settings
    from ops.verifying.asked import Asked
    from ops.verifying.fetching import verifier_key

    asked = Asked(
        settings=seen_from_inside(Settings.load()),
        speaker=voice(as_json=as_json),
        places=tuple(checkpoint or ()),
        key=verifier_key(key) if key else None,
        witnesses=tuple(verifier_key(each) for each in witness or ()),
    )
    sound = asked.export(export) if export else asked.log(strict=strict)
    if views and not export:
        sound = asked.views() and sound
    if not sound:
        raise typer.Exit(1)
