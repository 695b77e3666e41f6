"""What a demo says once it is ready: where to go, whom to sign in as, and how to end it."""

from collections.abc import Sequence
from typing import Any

from ops.console import TerminalVoice, Voice
from ops.ports import reachable
from ops.samples.people import PEOPLE
from ops.settings import Settings


def welcome(
    speaker: Voice, settings: Settings, sign_ins: Sequence[dict[str, Any]], *, fresh: bool, seconds: float
) -> None:
    """A table on a terminal, one JSON object elsewhere."""
    address = f"http://{reachable(settings.host, settings.port)}"
    if not isinstance(speaker, TerminalVoice):
        text = f"The demo answers at {address}"
        speaker.say("ready", text, address=address, seconds=round(seconds, 1), fresh=fresh, sign_ins=list(sign_ins))
        return
    _show(speaker, settings, sign_ins, address, fresh=fresh, seconds=seconds)


def _show(  # noqa: PLR0913 - what is told
    speaker: TerminalVoice,
    settings: Settings,
    sign_ins: Sequence[dict[str, Any]],
    address: str,
    *,
    fresh: bool,
    seconds: float,
) -> None:
    from rich.table import Table  # noqa: PLC0415 - a terminal's alone

    shows = {person.key: person.shows for person in PEOPLE}
    places = Table(box=None, show_header=False, padding=(0, 3, 0, 2))
    places.add_row("Pages", f"[bold cyan]{address}[/]")
    places.add_row("Reference", f"[cyan]{address}/reference[/]")
    places.add_row("Data", str(settings.data_dir))
    table = Table(box=None, padding=(0, 1, 0, 2), header_style="dim")
    # Passwords are copied from here: on a narrow terminal the last column gives way, never these.
    for name in ("login", "password"):
        title = "Sign in as" if name == "login" else "Password, for this run"
        table.add_column(title, no_wrap=True, min_width=max(len(one[name]) for one in sign_ins))
    table.add_column("Sees", overflow="fold")
    for one in sign_ins:
        password = f"[bold]{one['password']}[/]" if one["password"] else "[dim]disabled[/]"
        table.add_row(one["login"], password, shows[one["who"]])
    began = "begun" if fresh else "continued"
    speaker.out.print(f"\n[bold green]Anamnesis is ready[/] [dim](demo {began}, {seconds:.1f} s)[/]\n")
    speaker.out.print(places)
    speaker.out.print()
    speaker.out.print(table)
    speaker.out.print("\n  25 invented clients over up to two years.\n  Ctrl-C ends the demo.\n")
