"""The OpenAPI document, arranged for reading: groups of operations, their parameters, bodies, answers and refusals."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from api.errors import known_errors, status_of

Json = Mapping[str, Any]
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_SAMPLE_ID: Final = "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A row of a table. `shape` names what it holds; `link` the schema it is, if it has one of its own."""

    name: str
    where: str
    shape: str
    link: str
    required: bool
    about: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`codes` are those of refusals; `example` is JSON text; `forms` are media types to choose from, empty for JSON alone."""

    status: int
    phrase: str
    about: str
    schema: str
    example: str
    headers: tuple[str, ...]
    codes: tuple[str, ...]
    forms: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    about: str
    open_to_all: bool
    parameters: tuple[Field, ...]
    body_schema: str
    body_example: str
    curl: str
    answers: tuple[Answer, ...]
    refusals: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    id: str
    name: str
    about: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A schema of the document."""

    name: str
    about: str
    values: tuple[str, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    code: str
    status: int
    message: str
    hint: str


def groups(document: Json) -> tuple[Group, ...]:
    """Operations by tag, in the document's order."""
    found: dict[str, list[Operation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                found[methods[method]["tags"][0]].append(_operation(document, method, path, methods[method]))
    return tuple(
        Group(
            id=_slug(tag["name"]),
            name=tag["name"],
            about=tag["description"],
            operations=tuple(found[tag["name"]]),
        )
        for tag in document["tags"]
    )


def shapes(document: Json) -> tuple[Shape, ...]:
    """Schemas by name."""
    return tuple(
        Shape(
            name=name,
            about=schema.get("description", ""),
            values=tuple(str(value) for value in schema.get("enum", ())),
            fields=tuple(_fields(schema)),
        )
        for name, schema in sorted(document["components"]["schemas"].items())
    )


def refusals() -> tuple[Refusal, ...]:
    """Every code there is."""
    return tuple(
        Refusal(code=error.code, status=int(status_of(error)), message=error.message, hint=error.hint)
        for error in known_errors()
    )


def _operation(document: Json, method: str, path: str, operation: Json) -> Operation:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = _json(content["example"]) if "example" in content else ""
    answers = [_answer(document, int(status), answer) for status, answer in sorted(operation["responses"].items())]
    return Operation(
        id=_slug(operation["operationId"]),
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        about=operation.get("description", ""),
        open_to_all="security" not in operation,
        parameters=tuple(_parameter(parameter) for parameter in operation.get("parameters", ())),
        body_schema=_name(content.get("schema", {})),
        body_example=example,
        curl=_curl(method, path, operation, content.get("example")),
        answers=tuple(answer for answer in answers if not answer.codes),
        refusals=tuple(answer for answer in answers if answer.codes),
    )


def _parameter(parameter: Json) -> Field:
    schema = parameter["schema"]
    shape, link = _shape(schema)
    return Field(
        name=parameter["name"],
        where=parameter["in"],
        shape=shape.removesuffix(" or null"),
        link=link,
        required=parameter.get("required", False),
        about=parameter.get("description", "") or _bounds(schema),
    )


def _answer(document: Json, status: int, answer: Json) -> Answer:
    problem = answer.get("content", {}).get("application/problem+json", {})
    content = answer.get("content", {}).get("application/json", {})
    name = _name(content.get("schema", {}))
    examples = document["components"]["schemas"].get(name, {}).get("examples", ())
    example = content.get("example", examples[0] if examples else None)
    return Answer(
        status=status,
        phrase=HTTPStatus(status).phrase,
        about=answer["description"],
        schema=name,
        example="" if example is None else _json(example),
        headers=tuple(header for header in answer.get("headers", {}) if header != "X-Request-ID"),
        codes=tuple(problem.get("examples", ())),
        forms=() if problem or len(answer.get("content", ())) < 2 else tuple(answer["content"]),
    )


def _fields(schema: Json) -> Iterator[Field]:
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        shape, link = _shape(part)
        yield Field(
            name=name,
            where="",
            shape=shape,
            link=link,
            required=name in required,
            about=part.get("description", "") or _bounds(part),
        )


def _shape(schema: Json) -> tuple[str, str]:
    """In words, and the name of the schema to look up."""
    if name := _name(schema):
        return name, name
    if options := schema.get("anyOf"):
        words = [_shape(option) for option in options]
        return " or ".join(word for word, _ in words), next((link for _, link in words if link), "")
    if schema.get("type") == "array":
        word, link = _shape(schema.get("items", {}))
        return f"array of {word}", link
    if "const" in schema:
        return f"“{schema['const']}”", ""
    if values := schema.get("enum"):
        return "one of " + ", ".join(str(value) for value in values), ""
    kind = schema.get("type", "anything")
    return (f"{kind}, {schema['format']}" if "format" in schema else kind), ""


def _bounds(schema: Json) -> str:
    """The limits that a reader needs, in words: each for one and for several."""
    words = {
        "minimum": ("at least {}", "at least {}"),
        "maximum": ("at most {}", "at most {}"),
        "minLength": ("at least {} character", "at least {} characters"),
        "maxLength": ("at most {} character", "at most {} characters"),
        "minItems": ("at least {} entry", "at least {} entries"),
        "maxItems": ("at most {} entry", "at most {} entries"),
        "default": ("default {}", "default {}"),
    }
    told = {key: schema[key] for key in words if schema.get(key) not in (None, "", [])}
    said = [words[key][value != 1].format(value) for key, value in told.items()]
    return ", ".join(said)


def _curl(method: str, path: str, operation: Json, example: Any) -> str:
    """A line to paste; `$ANAMNESIS` is the address, `$TOKEN` an access token."""
    for parameter in operation.get("parameters", ()):
        if parameter["in"] == "path":
            path = path.replace("{" + parameter["name"] + "}", _SAMPLE_ID)
    words = ["curl" if method == "get" else f"curl -X {method.upper()}", f'"$ANAMNESIS{path}"']
    if "security" in operation:
        words.append('-H "Authorization: Bearer $TOKEN"')
    names = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] == "header"}
    if "If-Match" in names:
        words.append("-H 'If-Match: \"1\"'")
    if "Idempotency-Key" in names:
        words.append('-H "Idempotency-Key: $(uuidgen)"')
    if example is not None:
        text = json.dumps(example, ensure_ascii=False).replace("'", "'\\''")
        words += ["-H 'Content-Type: application/json'", f"-d '{text}'"]
    return " \\\n  ".join(words)


def _name(schema: Json) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _slug(name: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in name.lower()).strip("-")
