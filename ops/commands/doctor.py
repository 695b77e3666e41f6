"""`doctor`: what is wrong with this set-up, and how to mend it."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ops.checks.finding import Finding
    from ops.console import TerminalVoice


def doctor(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Look at the whole set-up and say what is wrong with it and how to mend it.

    In the folder of a demo, that of the demo. Exits with 1 when something is broken; warnings don't count.
    """
    import logging

    from ops.console import TerminalVoice, voice
    from ops.demo import seen_from_inside
    from ops.doctor import examine, healthy
    from ops.settings import Settings

    logging.disable(logging.CRITICAL)  # what libraries warn about is among the findings
    settings = seen_from_inside(Settings.load())
    speaker = voice(as_json=as_json)
    findings = []
    for finding in examine(settings):
        findings.append(finding)
        if not speaker.terminal:
            speaker.say(
                finding.code, finding.text, part=finding.part, state=finding.state.value, mend=finding.mend or None
            )
    if isinstance(speaker, TerminalVoice):
        _show(speaker, findings)
    if not healthy(findings):
        raise typer.Exit(1)


def _show(speaker: "TerminalVoice", findings: "list[Finding]") -> None:
    from rich.markup import escape
    from rich.table import Table

    from ops.checks.finding import State

    signs = {
        State.OK: "[green]✓[/]",
        State.WARNING: "[yellow]![/]",
        State.BROKEN: "[bold red]✗[/]",
        State.SKIPPED: "[dim]-[/]",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        text = escape(finding.text)
        if finding.state in (State.WARNING, State.BROKEN):
            text += f" [dim]({finding.code})[/]"
        if finding.mend:
            text += f"\n[cyan]→ {escape(finding.mend)}[/]"
        table.add_row(signs[finding.state], escape(finding.part), text)
    speaker.out.print(table)
    broken = sum(finding.state is State.BROKEN for finding in findings)
    warned = sum(finding.state is State.WARNING for finding in findings)
    verdict = "Nothing is broken" if not broken else f"{broken} broken"
    speaker.out.print(f"\n{verdict}{f', {warned} to look at' if warned else ''}.")
