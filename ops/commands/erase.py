"""`erase`: destroys a client's record, or checks the receipt of one that was."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from typer.core import TyperGroup

from domain.model.erasure import ErasureBasis

if TYPE_CHECKING:
    from domain.services.erasures import Plan
    from ops.console import Voice


class _ClientUnlessNamed(TyperGroup):
    """`erase CLIENT` is `erase client CLIENT`."""

    def parse_args(self, ctx: typer.Context, args: list[str]) -> list[str]:  # type: ignore[override]  # typer's own context
        if args and args[0] not in {*self.commands, "--help", "-h"}:
            args = ["client", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_ClientUnlessNamed,
    help="Erase a client's record for good: `erase CLIENT`.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("client")
def client(  # noqa: PLR0913, PLR0917 - what the command line offers
    client_id: Annotated[UUID, typer.Argument(metavar="CLIENT", help="Id of the client's chart.")],
    basis: Annotated[ErasureBasis, typer.Option(help="Why it is lawful.")] = ErasureBasis.CLIENT_REQUEST,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    confirm: Annotated[str, typer.Option(help="The client's id once more, where there is no terminal to ask.")] = "",
    receipt: Annotated[Path | None, typer.Option(help="A new file to write the receipt to.")] = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the keys of a client's record and remove what lies beside the log. It can't be taken back.

    Interrupted, the same command goes on where it stopped; so does the worker.
    """
    from ops.console import voice
    from ops.erasing_command import erase, keep, planned

    speaker = voice(as_json=as_json)
    if dry_run:
        _tell(speaker, planned(client_id, basis))
        return
    _confirm(speaker, client_id, confirm)
    erasure = erase(client_id, basis)
    if not erasure.over:
        day = erasure.due_at.date()
        speaker.say(
            "erasure_deferred", f"It is kept until {day}; the worker erases it then.", erasure_id=str(erasure.id)
        )
        return
    if receipt is not None:
        keep(receipt, erasure.receipt)
    text = f"Erased: {erasure.events} events can't be read any more, {erasure.keys_destroyed} keys are gone."
    speaker.say(
        "erased",
        f"{text} Receipt of {erasure.id}:\n{erasure.receipt}",
        erasure_id=str(erasure.id),
        state=erasure.state.value,
        receipt=erasure.receipt,
    )


@app.command("check")
def check(
    receipt: Annotated[Path, typer.Argument(help="A file with the receipt.")],
    key: Annotated[str, typer.Option(help="The verifier key of the log, as `anamnesis checkpoint` tells it.")],
    as_json: AsJson = False,
) -> None:
    """Check a receipt's signature and say what it attests. Needs no database."""
    from ops.console import voice
    from ops.erasing_command import checked

    body = checked(receipt, key)
    told = [name for name in body if name != "proof" and body[name] not in ([], None, "")]
    facts = ", ".join(f"{name} {body[name]}" for name in told)
    voice(as_json=as_json).say("receipt_valid", f"The receipt is signed by this log's key: {facts}.", **body)


def _confirm(speaker: "Voice", client_id: UUID, confirmed: str) -> None:
    import sys

    from domain.errors import Invalid

    if not confirmed and speaker.terminal and sys.stdin.isatty():
        confirmed = typer.prompt("This can't be taken back. Type the client's id to go on")
    try:
        repeated = UUID(confirmed.strip()) == client_id
    except ValueError:
        repeated = False
    if not repeated:
        raise Invalid("Nothing was erased: the client's id was not repeated (--confirm).", field="confirm")


def _tell(speaker: "Voice", plan: "Plan") -> None:
    for holding in plan.holdings:
        verdict = next((each for each in plan.verdicts if each.record_class is holding.record_class), None)
        kept = f", kept until {verdict.kept_until}" if verdict else ""
        speaker.say(
            "would_erase",
            f"{holding.record_class.value}: {holding.events} {'event' if holding.events == 1 else 'events'}{kept}",
            record_class=holding.record_class.value,
            events=holding.events,
            kept_until=str(verdict.kept_until) if verdict else None,
        )
    speaker.say(
        "would_end",
        _ends_so(plan),
        outcome=plan.outcome,
        holds=[str(each) for each in plan.holds],
        kept_until=str(plan.kept_until) if plan.kept_until else None,
    )


def _ends_so(plan: "Plan") -> str:
    match plan.outcome:
        case "erased_now":
            return "It would be erased at once."
        case "deferred":
            return f"It would be erased by the worker when retention ends, on {plan.kept_until}."
        case "retention_runs_still":
            return (
                f"It would be refused: the law asks to keep this record until {plan.kept_until}. An order that goes before "
                "that is named by --basis court_order. (retention_runs_still)"
            )
        case "under_legal_hold":
            return f"It would be refused: {len(plan.holds)} legal holds are on this record. (under_legal_hold)"
        case other:
            return f"It would be refused: this record is being erased already. ({other})"
