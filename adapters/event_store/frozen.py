"""An aggregate's whole state as bytes, for snapshots: replaceable at any time, so read only by the code that wrote it."""

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from hashlib import sha256
from typing import Any, Final, TypeVar
from uuid import UUID

import orjson
from eventsourcing.domain import Aggregate

from adapters.event_store.registry import product_version

A = TypeVar("A", bound=Aggregate)

_TAG: Final = "$"
_NOT_STATE: Final = frozenset(("_pending_events",))
_HOMES: Final = ("domain.model.", "domain.ports.")


def freeze(aggregate: Aggregate) -> bytes:
    """Raises TypeError for a value that is not one of the domain's."""
    state = {name: _frozen(value) for name, value in vars(aggregate).items() if name not in _NOT_STATE}
    return orjson.dumps(state)


def thaw(aggregate_class: type[A], plaintext: bytes) -> A:
    """Raises ValueError, TypeError, KeyError for bytes that today's `freeze` would not make of this class."""
    aggregate = aggregate_class.__new__(aggregate_class)
    vars(aggregate).update({name: _thawed(value) for name, value in orjson.loads(plaintext).items()})
    vars(aggregate)["_pending_events"] = []
    return aggregate


@cache
def code_version() -> str:
    """Changes with the product and with any line of the domain's model: 16 hexadecimal digits."""
    digest = sha256(product_version().encode())
    for name in sorted(sys.modules):
        if name.startswith(_HOMES):
            try:
                digest.update(inspect.getsource(sys.modules[name]).encode())
            except (OSError, TypeError):  # installed without sources: the product's version must do
                continue
    return digest.hexdigest()[:16]


def _frozen(value: Any) -> Any:
    plain = _FREEZES.get(type(value))
    if plain is not None:
        return plain(value)
    if isinstance(value, Enum):
        return {_TAG: "enum", "of": _name(type(value)), "is": value.value}
    if is_dataclass(value) and not isinstance(value, type):
        named = {field.name: _frozen(getattr(value, field.name)) for field in fields(value)}
        return {_TAG: "value", "of": _name(type(value)), "is": named}
    raise TypeError(f"{type(value).__name__} has no place in an aggregate")


_FREEZES: Final[Mapping[type[Any], Callable[[Any], Any]]] = {
    **dict.fromkeys((type(None), bool, int, float, str), lambda it: it),
    UUID: lambda it: {_TAG: "uuid", "is": it.hex},
    datetime: lambda it: {_TAG: "instant", "is": it.astimezone(UTC).isoformat()},
    bytes: lambda it: {_TAG: "bytes", "is": it.hex()},
    list: lambda it: {_TAG: "list", "is": [_frozen(each) for each in it]},
    tuple: lambda it: {_TAG: "tuple", "is": [_frozen(each) for each in it]},
    dict: lambda it: {_TAG: "dict", "is": [[_frozen(key), _frozen(each)] for key, each in it.items()]},
}


@cache
def _classes() -> Mapping[str, type[Any]]:
    """The domain's enums and value classes: nothing else is ever built from a snapshot."""
    found: dict[str, type[Any]] = {}
    for module in [module for name, module in sys.modules.items() if name.startswith(_HOMES)]:
        for member in vars(module).values():
            own = isinstance(member, type) and member.__module__ == module.__name__
            if own and (issubclass(member, Enum) or is_dataclass(member)):
                found[_name(member)] = member
    return found


_THAWS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "uuid": lambda it: UUID(hex=it["is"]),
    "instant": lambda it: datetime.fromisoformat(it["is"]),
    "bytes": lambda it: bytes.fromhex(it["is"]),
    "list": lambda it: [_thawed(each) for each in it["is"]],
    "tuple": lambda it: tuple(_thawed(each) for each in it["is"]),
    "dict": lambda it: {_thawed(key): _thawed(each) for key, each in it["is"]},
    "enum": lambda it: _classes()[it["of"]](it["is"]),
    "value": lambda it: _classes()[it["of"]](**{name: _thawed(each) for name, each in it["is"].items()}),
}


def _thawed(value: Any) -> Any:
    return _THAWS[value[_TAG]](value) if isinstance(value, dict) else value


def _name(member: type[Any]) -> str:
    return f"{member.__module__.rpartition('.')[2]}.{member.__qualname__}"
