"""`rebuild-views`: fill views anew from the log."""

from typing import Annotated

import typer


def rebuild_views(
    views: Annotated[list[str] | None, typer.Argument(help="Names of views; all of them by default.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Empty views and fill them from the start of the log. Until it is done, readers of these views are told to wait.

    Interrupted, `anamnesis project` goes on where it stopped.
    """
    import time

    from ops.bootstrap import Part, build
    from ops.console import voice
    from ops.logging import configure
    from ops.settings import Settings

    settings = Settings.load()
    configure("warning", process="rebuild-views")
    speaker = voice(as_json=as_json)
    with build(settings, parts=Part.PROJECTIONS) as system:
        began, reached = time.monotonic(), 0
        total = system.recorder.last_position()
        with speaker.track("rebuilding", "Events", total) as advance:

            def progress(position: int, _goal: int) -> None:
                nonlocal reached
                advance(position - reached)
                reached = position

            position = system.runner().rebuild(*(views or ()), progress=progress)
        seconds = time.monotonic() - began
        speaker.say(
            "rebuilt",
            f"The views hold the log up to position {position:,} ({seconds:.1f} s).",
            position=position,
            seconds=round(seconds, 3),
        )
