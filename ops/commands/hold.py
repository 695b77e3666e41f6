"""`hold`: legal holds, from the host."""

from typing import Annotated
from uuid import UUID

import typer

from domain.model.legal_hold import HoldBasis

app = typer.Typer(help="Legal holds: what must not be destroyed.", no_args_is_help=True, rich_markup_mode="rich")
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("place")
def place(
    client_id: Annotated[UUID, typer.Argument(metavar="CLIENT", help="Id of the client's chart.")],
    basis: Annotated[HoldBasis, typer.Option(help="Why.")] = HoldBasis.LITIGATION,
    matter: Annotated[str, typer.Option(help="The case, such as a docket number; no names.")] = "",
    as_json: AsJson = False,
) -> None:
    """Keep a client's record whole, whoever asks for its erasure and whatever is due."""
    from ops.console import voice
    from ops.erasing_command import place_hold

    hold_id = place_hold(client_id, basis, matter)
    voice(as_json=as_json).say("hold_placed", f"The hold {hold_id} stands.", hold_id=str(hold_id))


@app.command("lift")
def lift(
    hold_id: Annotated[UUID, typer.Argument(metavar="HOLD", help="Id of the hold.")], as_json: AsJson = False
) -> None:
    """Let go; what waits for it is carried out by the worker's next sweep."""
    from ops.console import voice
    from ops.erasing_command import lift_hold

    lift_hold(hold_id)
    voice(as_json=as_json).say("hold_lifted", f"The hold {hold_id} is lifted.", hold_id=str(hold_id))


@app.command("list")
def list_holds(
    client_id: Annotated[UUID, typer.Argument(metavar="CLIENT", help="Id of the client's chart.")],
    as_json: AsJson = False,
) -> None:
    """All holds there ever were on a client's record, oldest first."""
    from ops.console import voice
    from ops.erasing_command import holds_of

    speaker = voice(as_json=as_json)
    for hold in holds_of(client_id):
        lifted = hold.lifted_at.date() if hold.lifted_at else None
        speaker.say(
            "hold",
            f"{hold.id}: {hold.basis.value}, since {hold.placed_at.date()}" + (f", lifted {lifted}" if lifted else ""),
            hold_id=str(hold.id),
            basis=hold.basis.value,
            placed_at=hold.placed_at.isoformat(),
            lifted_at=hold.lifted_at.isoformat() if hold.lifted_at else None,
        )
