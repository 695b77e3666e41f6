"""`audit`: who did what, from the host; and to whom a client's record was disclosed."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal
from uuid import UUID

import typer

if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import BinaryIO

    from domain.ports.audit import AuditFilters
    from domain.services.audit import Disclosure
    from ops.console import Voice

app = typer.Typer(
    help="Who did what, and to whom records went. Looking is on record too.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
Role = Literal["client", "clinician", "supervisor", "compliance_officer", "ml_engineer", "operator", "service"]
Outcome = Literal["allowed", "denied", "failed"]
Purpose = Literal["treatment", "operations", "compliance", "client_request", "model_training", "research", "emergency"]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]


@app.command("search")
def search(  # noqa: PLR0913, PLR0917 - one parameter an option
    client: Annotated[UUID | None, typer.Option(help="Only what names this client, alone or in a list.")] = None,
    actor: Annotated[UUID | None, typer.Option(help="Only what this account did.")] = None,
    on_behalf_of: Annotated[UUID | None, typer.Option(help="Only what jobs did under this account's grant.")] = None,
    role: Annotated[Role | None, typer.Option(help="Only what accounts of this role did.")] = None,
    action: Annotated[str | None, typer.Option(help="A code such as session.sign.")] = None,
    outcome: Annotated[Outcome | None, typer.Option(help="Only entries with this outcome.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it was denied, such as outside_care_team.")] = None,
    purpose: Annotated[Purpose | None, typer.Option(help="Only what was done for this purpose.")] = None,
    origin: Annotated[str | None, typer.Option(help="A network address as on record, or worker or host.")] = None,
    since: Annotated[str | None, typer.Option(help="Nothing before this day or time.")] = None,
    until: Annotated[str | None, typer.Option(help="Only what came before this day or time.")] = None,
    limit: Annotated[int, typer.Option(help="Most rows of the table.", min=1, max=1_000_000)] = 100,
    form: Annotated[
        Literal["table", "csv", "jsonl", "fhir"], typer.Option("--format", help="Files hold all that is found.")
    ] = "table",
    out: Annotated[
        Path | None, typer.Option(help="The file to write, which must not be there yet; by default standard output.")
    ] = None,
) -> None:
    """Search the audit, newest first, all options together. With --format csv, jsonl or fhir everything that is found is
    written, however much; each entry carries its position in the log and its leaf.
    """
    from ops.auditing import instant

    filters: AuditFilters = {
        "client_id": client,
        "actor_id": actor,
        "on_behalf_of": on_behalf_of,
        "role": role,
        "action": action,
        "outcome": outcome,
        "reason": reason,
        "purpose": purpose,
        "origin": origin,
        "since": instant(since, "--since"),
        "until": instant(until, "--until"),
    }
    if form == "table":
        _table(filters, limit, out)
    else:
        _file(filters, form, out)


@app.command("disclosures")
def disclosures(
    client: Annotated[UUID | None, typer.Argument(help="The client's id.")] = None,
    receipt: Annotated[
        Path | None, typer.Option(help="The receipt of an erasure, in place of the id.", exists=True, dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """To whom a client's record was disclosed in the last six years (45 CFR 164.528); also when it has been erased since."""
    from ops.auditing import client_of
    from ops.auditing import disclosures as listed
    from ops.console import voice

    if (client is None) == (receipt is None):
        raise typer.BadParameter("name a client or a receipt")
    speaker = voice(as_json=as_json)
    client_id = client if receipt is None else client_of(receipt)
    if client_id is None:
        return
    found = listed(client_id)
    for disclosure in found:
        _say(speaker, disclosure)
    speaker.say("disclosures", f"{len(found)} disclosures in six years.", client_id=client_id, count=len(found))


def _say(speaker: "Voice", disclosure: "Disclosure") -> None:
    from domain.services.audit_words import in_words
    from domain.services.rendering import instant_as_json

    record = disclosure.record
    recipient = disclosure.recipient or str(disclosure.recipient_id or "recipient unknown")
    at = instant_as_json(record.recorded_at)
    given = disclosure.given
    purpose = given.purpose if given else record.purpose
    what = f", {', '.join(given.classes)} on {given.on}, {given.basis}" if given else ""
    speaker.say(
        "disclosure",
        f"{at}  to {recipient}: {in_words(record.action)} ({purpose}{what}), by {record.actor_id}",
        at=at,
        position=record.position,
        leaf=record.leaf.hex(),
        recipient=disclosure.recipient,
        recipient_id=disclosure.recipient_id,
        action=record.action,
        what=[str(thing) for thing in disclosure.what],
        purpose=purpose,
        disclosed_on=given.on.isoformat() if given else None,
        classes=list(given.classes) if given else [],
        legal_basis=given.basis if given else None,
        actor_id=record.actor_id,
    )


def _table(filters: "AuditFilters", limit: int, out: Path | None) -> None:
    """Columns separated by tabs, so that it reads on a terminal and through `cut` alike."""
    from ops.auditing import HEADINGS, rows

    with _written_to(out) as file:
        for row in chain([HEADINGS], rows(filters, limit)):
            file.write(("\t".join(row) + "\n").encode())


def _file(filters: "AuditFilters", form: str, out: Path | None) -> None:
    from domain.services.audit_forms import AuditForm
    from ops.auditing import export

    with _written_to(out) as file:
        export(filters, AuditForm(form), file)


def _written_to(out: Path | None) -> "AbstractContextManager[BinaryIO]":
    import sys
    from contextlib import nullcontext

    from ops.handing_out import handed_out

    return handed_out(out) if out else nullcontext(sys.stdout.buffer)
