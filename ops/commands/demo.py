"""`demo`: a whole system on this machine, with sample clients."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ops.console import Voice
    from ops.settings import Settings


def demo(
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on. [dim]ANAMNESIS_PORT[/]", show_default="8000", min=1, max=65535),
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Remove the demo's data and begin anew.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before removing.")] = False,
    until_ready: Annotated[
        bool, typer.Option("--until-ready", help="End as soon as everything has answered once.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Run everything on this machine, with 25 invented clients, in the folder ANAMNESIS_DATA_DIR (./var).

    The first start makes keys and databases and fills them; later ones continue. Each start prints new passwords.
    Ctrl-C ends all of it.
    """
    from dataclasses import replace

    from ops.console import voice
    from ops.demo import run
    from ops.settings import Settings

    settings = Settings.load()
    settings = replace(settings, port=port or settings.port)
    speaker = voice(as_json=as_json)
    if reset and not _reset(settings, speaker, yes=yes):
        raise typer.Exit(1)
    run(settings, speaker, until_ready=until_ready)


def _reset(settings: "Settings", speaker: "Voice", *, yes: bool) -> bool:
    """Whether to go on: the data is gone, or there was none."""
    import sys

    from ops.demo_state import ResetNotConfirmed, locked, read_state, reset

    if read_state(settings.data_dir) is None:
        return True
    if not yes:
        if not (speaker.terminal and sys.stdin.isatty()):
            raise ResetNotConfirmed
        if not typer.confirm(f"Remove everything this demo holds in {settings.data_dir}?"):
            speaker.say("kept", "Nothing was removed.", path=settings.data_dir)
            return False
    with locked(settings.data_dir):
        reset(settings.data_dir)
    speaker.say("reset", "The demo's data is removed.", path=settings.data_dir)
    return True
