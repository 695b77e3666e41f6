"""A whole record written to a file on the host, for another deployment or for whoever asks for it."""

import os
from pathlib import Path
from typing import Final
from uuid import UUID

import orjson

from adapters.fhir.record import FhirRecords
from domain.errors import Conflict, Invalid
from domain.services.exports import export_as_json
from ops.hosting import call_of_host, hosted

JSON: Final = "json"
FHIR: Final = "fhir"


class FileThere(Conflict):
    code = "file_there"
    message = "There is a file of this name already; an export is never written over one."
    hint = "Name another file, or move that one away."


class FileNotWritten(Invalid):
    code = "file_not_written"
    message = "The export can't be written there."
    hint = "Name a file in a folder that is there and that this user may write to."


def export(client_id: UUID, to: Path, form: str) -> int:
    """Its size in bytes. The file is for its owner alone, and there whole or not at all.

    Raises FileThere, FileNotWritten, ClientNotFound, Erased and what `build` raises.
    """
    if to.exists():
        raise FileThere(path=to)
    with hosted() as system:
        made = system.services.exports.make(call_of_host(system), client_id, logins=True)
    body = FhirRecords().bundle(made) if form == FHIR else orjson.dumps(export_as_json(made))
    _write(to, body)
    return len(body)


def _write(to: Path, body: bytes) -> None:
    aside = to.with_name(f".{to.name}.{os.getpid()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(body)
                file.flush()
                os.fsync(descriptor)
            os.link(aside, to)
        finally:
            aside.unlink()
    except FileExistsError:
        raise FileThere(path=to) from None
    except OSError as exc:
        raise FileNotWritten(path=to, reason=os.strerror(exc.errno or 0)) from exc
