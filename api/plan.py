"""What an endpoint wants, read once from its signature: path and query parameters, a body, and a kind of ask."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature
from typing import Annotated, Any, Final, Self, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl

from fastapi.params import Query
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticUndefined

from api.asks import Ask
from api.errors import FieldFault, FieldsInvalid, JsonInvalid
from api.faults import faults_of

M = TypeVar("M", bound=BaseModel)
_MOST_PARAMETERS: Final = 50
_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter of the path or the query."""

    name: str
    location: str
    alias: str
    adapter: TypeAdapter[Any]
    default: Any
    many: bool

    @property
    def required(self) -> bool:
        return self.default is Parameter.empty

    def read(self, given: str | Sequence[str]) -> Any:
        """Raises FieldsInvalid."""
        try:
            return self.adapter.validate_python(given)
        except ValidationError as exc:
            details = exc.errors(include_url=False, include_input=False)
            raise FieldsInvalid(faults_of(details, self.location, self.alias)) from None


@dataclass(frozen=True, slots=True)
class Plan:
    path: tuple[Argument, ...]
    query: Mapping[str, Argument]
    body: tuple[str, type[BaseModel]] | None
    ask: tuple[str, type[Ask]]

    @classmethod
    def of(cls, endpoint: Callable[..., Any], template: str) -> Self:
        """Raises TypeError for an endpoint that declares no ask: then nothing would check who calls."""
        path_names = frozenset(_PLACEHOLDER.findall(template))
        hints = get_type_hints(endpoint, include_extras=True)
        arguments: list[Argument] = []
        body: tuple[str, type[BaseModel]] | None = None
        ask: tuple[str, type[Ask]] | None = None
        for parameter in signature(endpoint).parameters.values():
            hint = hints[parameter.name]
            bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
            if isinstance(bare, type) and issubclass(bare, Ask):
                ask = parameter.name, bare
            elif isinstance(bare, type) and issubclass(bare, BaseModel):
                body = parameter.name, bare
            else:
                location = "path" if parameter.name in path_names else "query"
                arguments.append(_argument(parameter, hint, location))
        if ask is None:
            raise TypeError(f"{endpoint.__qualname__} must declare Opened, Reader, Writer or Editor")
        return cls(
            path=tuple(argument for argument in arguments if argument.location == "path"),
            query={argument.alias: argument for argument in arguments if argument.location == "query"},
            body=body,
            ask=ask,
        )

    def arguments(self, ask: Ask, path: Mapping[str, str], query: str, body: bytes) -> dict[str, Any]:
        """Keyword arguments for the endpoint. Raises FieldsInvalid, JsonInvalid."""
        values: dict[str, Any] = {self.ask[0]: ask}
        for argument in self.path:
            values[argument.name] = argument.read(path[argument.name])
        if query or self.query:
            values.update(self._query(query))
        if self.body is not None:
            name, model = self.body
            values[name] = parsed(model, body)
        return values

    def _query(self, text: str) -> dict[str, Any]:
        try:
            pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_PARAMETERS, errors="strict")
        except (ValueError, UnicodeDecodeError):
            raise FieldsInvalid([_fault("", "query_invalid", "is not a query in UTF-8 percent-encoding")]) from None
        given: dict[str, list[str]] = {}
        for name, value in pairs:
            if name not in self.query:
                raise FieldsInvalid([_fault(name[:64], "extra_forbidden", "is not a known parameter here")])
            given.setdefault(name, []).append(value)
        return {argument.name: _from_query(argument, given) for argument in self.query.values()}


def parsed(model: type[M], body: bytes) -> M:
    """The body as `model`. Raises JsonInvalid, FieldsInvalid."""
    try:
        return model.model_validate_json(body)
    except ValidationError as exc:
        details = exc.errors(include_url=False, include_input=False)
        if details[0]["type"] == "json_invalid":
            raise JsonInvalid from None
        raise FieldsInvalid(faults_of(details, "body")) from None


def _argument(parameter: Parameter, hint: Any, location: str) -> Argument:
    marker = next((extra for extra in get_args(hint)[1:] if isinstance(extra, Query)), None)
    bare = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    default = parameter.default
    if marker is not None and default is Parameter.empty and marker.default is not PydanticUndefined:
        default = marker.default
    return Argument(
        name=parameter.name,
        location=location,
        alias=(marker.alias if marker and marker.alias else parameter.name),
        adapter=TypeAdapter(hint),
        default=default,
        many=get_origin(bare) in (list, tuple),
    )


def _from_query(argument: Argument, given: Mapping[str, list[str]]) -> Any:
    values = given.get(argument.alias)
    if values is None:
        if argument.required:
            raise FieldsInvalid([_fault(argument.alias, "missing", "is required")])
        return argument.default
    if argument.many:
        return argument.read(values)
    if len(values) > 1:
        raise FieldsInvalid([_fault(argument.alias, "repeated", "must be given once")])
    return argument.read(values[0])


def _fault(name: str, code: str, message: str) -> FieldFault:
    return FieldFault(location="query", pointer=name, code=code, message=message)
