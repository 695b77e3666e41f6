"""Reading the project's own JSON: the file as a whole, then each client by itself, faults named by JSON pointer."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from api.faults import faults_of
from ops.imports.document import FORMAT, VERSION, AccountDoc, ClientDoc, RecordDocument
from ops.imports.faults import Fault, FileEmpty, FileUnreadable, NotTheFormat, Spoilt


@dataclass(frozen=True, slots=True, kw_only=True)
class OneClient:
    """`text` is the client's JSON in one spelling, to tell two readings apart; `pointer` where they stand in the file."""

    pointer: str
    doc: ClientDoc
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The file, its clients not yet checked."""

    source: str
    accounts: tuple[AccountDoc, ...]
    clients: list[Any]

    def each(self) -> Iterator[OneClient | Spoilt]:
        """Clients in their order; one that does not fit the schema is spoilt, and the others are read on."""
        for number, told in enumerate(self.clients):
            pointer = f"/clients/{number}"
            text = json.dumps(told, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
            try:
                doc = ClientDoc.model_validate_json(text.encode("utf-8", "surrogatepass"))
            except ValidationError as error:
                yield Spoilt.by(pointer, _faults(error, pointer))
                continue
            yield OneClient(pointer=pointer, doc=doc, text=text)


def read(path: Path) -> Document:
    """The whole file is held in memory. Raises FileUnreadable, FileEmpty, NotTheFormat."""
    return document(parsed(path))


def document(told: Any) -> Document:
    """Raises FileEmpty, NotTheFormat."""
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise NotTheFormat(f'The file is no object with "format": "{FORMAT}".')
    if told.get("version") != VERSION:
        raise NotTheFormat(f"This release reads version {VERSION} of the format alone.")
    clients = told.get("clients")
    if not isinstance(clients, list):
        raise NotTheFormat("/clients must be an array.")
    try:
        head = RecordDocument.model_validate_json(json.dumps({**told, "clients": []}))
    except ValidationError as error:
        first, *_ = _faults(error, "")
        raise NotTheFormat(f"{first.where} {first.text}.") from None
    if not clients:
        raise FileEmpty("The file names no client.")
    return Document(source=head.source, accounts=head.accounts, clients=clients)


def parsed(path: Path) -> Any:
    """The file's JSON. Raises FileUnreadable, FileEmpty, NotTheFormat."""
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise FileUnreadable(type(exc).__name__) from exc
    if not content.strip():
        raise FileEmpty
    try:
        return json.loads(content.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_once)
    except UnicodeDecodeError as exc:
        raise NotTheFormat(f"The file is no UTF-8 from byte {exc.start:,} on.") from None
    except json.JSONDecodeError as exc:
        raise NotTheFormat(f"The file is no JSON from line {exc.lineno}, column {exc.colno} on.") from None
    except RecursionError:
        raise NotTheFormat("The file nests objects deeper than any record does.") from None


def _no_number(_name: str) -> Any:
    raise NotTheFormat("The file holds NaN or an infinity, which JSON does not have.")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON allows a name twice and leaves it open which counts; a record must not."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise NotTheFormat("An object in the file has the same name twice.")
    return told


def _faults(error: ValidationError, pointer: str) -> list[Fault]:
    details = error.errors(include_url=False, include_input=False)
    return [
        Fault(where=f"{pointer}{each.pointer}", code=each.code, text=each.message)
        for each in faults_of(details, "body")
    ]
