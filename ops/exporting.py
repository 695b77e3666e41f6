"""A whole record written to a file on the host, for another deployment or for whoever asks for it."""

from pathlib import Path
from typing import Final
from uuid import UUID

import orjson

from adapters.fhir.record import FhirRecords
from domain.services.exports import export_as_json
from ops.handing_out import handed_out
from ops.hosting import call_of_host, hosted

FHIR: Final = "fhir"


def export(client_id: UUID, to: Path, form: str) -> int:
    """Its size in bytes. The file is for its owner alone, and there whole or not at all.

    Raises FileThere, FileNotWritten, ClientNotFound, Erased and what `build` raises.
    """
    with handed_out(to) as file:
        with hosted() as system:
            made = system.services.exports.make(call_of_host(system), client_id, logins=True)
        return file.write(FhirRecords().bundle(made) if form == FHIR else orjson.dumps(export_as_json(made)))
