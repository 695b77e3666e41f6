"""`export`: everything about one client in a file."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer


class Form(StrEnum):
    JSON = "json"
    FHIR = "fhir"


def export(
    client: Annotated[UUID, typer.Argument(help="Id of the client's chart.")],
    to: Annotated[Path, typer.Option(help="The file to write; it must not be there yet.")],
    form: Annotated[
        Form,
        typer.Option(
            "--format", help="`json`: the project's own, which `import json` reads back; `fhir`: an R4B bundle."
        ),
    ] = Form.JSON,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Write everything about one client into a file, for another deployment or for who asks for it. Not in it: psychotherapy
    notes, drafts, the audit. What the file holds is in clear.
    """
    from ops.console import voice
    from ops.exporting import export as run

    speaker = voice(as_json=as_json)
    size = run(client, to, form.value)
    text = f"Wrote {size:,} bytes to {to}. They are not encrypted: keep the file where only those may read it whom it is for."
    speaker.say("exported", text, client_id=str(client), file=str(to), bytes=size)
