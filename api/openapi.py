"""The OpenAPI document: FastAPI's, made whole with what it can't know."""

from typing import Any, Final, cast

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.declare import problem_examples
from api.models.common import In, Out, ProblemOut

TAGS: Final = [
    {"name": "Sign-in", "description": "Access tokens: short, renewed by refresh tokens that are good once."},
    {"name": "Clients", "description": "Charts under random ids; who a client is stands apart."},
    {"name": "Sessions", "description": "Journal entries: written, signed, locked; addenda afterwards."},
    {"name": "Appointments", "description": "Planned, and then held, cancelled or missed."},
    {"name": "Measures", "description": "Questionnaires as cited data, filled in, scored once and never again."},
    {"name": "Goals", "description": "From where to where, by when, and what became of it."},
    {"name": "Risk flags", "description": "Somebody may be in danger, and somebody must say that they know."},
    {"name": "Work list", "description": "What waits to be done, worst first."},
    {"name": "Exceptional access", "description": "Ways into a chart past its care team, and their review."},
    {"name": "Erasure and retention", "description": "How long a record is kept, what keeps it longer, and its end."},
    {"name": "Export", "description": "Everything about one client in one document."},
    {"name": "Journey", "description": "Everything that happened to a client, in order."},
    {
        "name": "Progress",
        "description": "How somebody fares, with what isn't known: reports, pictures, paper, and the events behind figures.",
    },
    {"name": "Context", "description": "What of a record a model is shown, chosen for a budget of tokens, and why."},
    {
        "name": "Care record",
        "description": "Treatment and safety plan, diagnoses and their codes, medications, transcripts of sessions.",
    },
    {
        "name": "Psychotherapy notes",
        "description": "A therapist's own, under a key of their own: no colleague, report, model or client reads them.",
    },
    {"name": "Drafts", "description": "What a form holds before it is a record."},
    {"name": "Audit", "description": "Who did what; sealed, and a leaf of the log."},
    {"name": "Log", "description": "Checkpoints and proofs: that nothing of the log was changed or taken out."},
    {"name": "Accounts", "description": "Who may sign in, and as what."},
    {"name": "Reports", "description": "Progress reports made in the background and kept for some days."},
    {"name": "Changes", "description": "What happened to records, by ids, for programs that keep in step."},
    {"name": "Agreements and disclosures", "description": "Who may be sent what, and what people gave away by hand."},
    {"name": "Webhooks", "description": "Messages to other programs, signed, by ids alone."},
    {"name": "Operation", "description": "For machines that look after this one."},
]
_REQUEST_ID: Final = {
    "description": "Names this request in the audit and in logs.",
    "required": True,
    "schema": {"type": "string", "format": "uuid"},
}


def document_of(app: FastAPI) -> dict[str, Any]:
    """The whole document, made once an application."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            license_info=app.license_info,
            tags=app.openapi_tags,
            routes=app.routes,
            separate_input_output_schemas=app.separate_input_output_schemas,
        )
        schemas = document["components"]["schemas"]
        problem = ProblemOut.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(problem.pop("$defs", {}))
        schemas["ProblemOut"] = problem
        document["components"]["examples"] = problem_examples()
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        for name, examples in _examples().items():
            if name in schemas:
                # As they were written: FastAPI drops what is null from its document, examples included.
                schemas[name]["examples"] = examples
        for operations in document["paths"].values():
            for operation in operations.values():
                _complete(operation, schemas)
        app.openapi_schema = document
    return app.openapi_schema


def document_bytes(app: FastAPI) -> bytes:
    return orjson.dumps(document_of(app))


def _examples() -> dict[str, list[Any]]:
    """Examples by name of model."""
    found: dict[str, list[Any]] = {}
    waiting: list[type[BaseModel]] = [In, Out]
    while waiting:
        model = waiting.pop()
        waiting.extend(model.__subclasses__())
        extra = model.model_config.get("json_schema_extra")
        if isinstance(extra, dict) and "examples" in extra:
            found[model.__name__] = list(cast("list[Any]", extra["examples"]))
    return found


def _complete(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Examples beside each body, and the header that every answer has."""
    _add_example(operation.get("requestBody", {}), schemas)
    for response in operation["responses"].values():
        _add_example(response, schemas)
        response.setdefault("headers", {})["X-Request-ID"] = _REQUEST_ID


def _add_example(carrier: dict[str, Any], schemas: dict[str, Any]) -> None:
    for content in carrier.get("content", {}).values():
        name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
        examples = schemas.get(name, {}).get("examples")
        if examples and "examples" not in content:
            content["example"] = examples[0]
