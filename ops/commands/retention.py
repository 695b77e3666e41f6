"""`retention`: what must go, and seeing to it."""

from typing import Annotated

import typer

app = typer.Typer(help="The end of retention.", no_args_is_help=True, rich_markup_mode="rich")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("plan")
def plan(as_json: AsJson = False) -> None:
    """Say which classes of which clients must go, and what a hold keeps; changes nothing."""
    from ops.console import voice
    from ops.erasing_command import retention_plan

    speaker = voice(as_json=as_json)
    found = retention_plan()
    for ending in found.endings:
        classes = [each.value for each in ending.classes]
        speaker.say(
            "past_retention",
            f"{ending.client_id}: {', '.join(classes) or 'everything'}, {ending.events} events"
            + (" (held)" if ending.held else ""),
            client_id=str(ending.client_id),
            classes=classes,
            events=ending.events,
            held=ending.held,
        )
    speaker.say(
        "retention_planned",
        f"{len(found.endings)} records and {len(found.audit_keys)} keys of the audit trail are past their time"
        + ("; a hold keeps the audit trail." if found.audit_held else "."),
        records=len(found.endings),
        audit_keys=len(found.audit_keys),
        audit_held=found.audit_held,
    )


@app.command("run")
def run(as_json: AsJson = False) -> None:
    """Destroy what must go and isn't held, as the worker does each night; and carry out what is due."""
    from ops.console import voice
    from ops.erasing_command import run_retention

    asked, done = run_retention()
    voice(as_json=as_json).say(
        "retention_done", f"{asked} records were past their time; {done} erasures are over.", asked=asked, over=done
    )
