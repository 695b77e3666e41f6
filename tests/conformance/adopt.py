"""Take over a class of PEFT's tests: the bodies stay PEFT's, the cases they run on are ours."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import FunctionType
from typing import Any

import pytest

# Parameters of a test as `pytest.mark.parametrize` has them, without spaces, and the cases to run instead of PEFT's.
Cases = Mapping[str, Sequence[Any]]


def functions_of(upstream: type) -> Iterator[tuple[str, Callable[..., None]]]:
    """The test functions of one of PEFT's classes, with their names."""
    for name in dir(upstream):
        if name.startswith("test_"):
            yield name, getattr(upstream, name)


def adopt(upstream: type, cases: Cases, names: Mapping[str, object], left_out: Mapping[str, str]) -> type:
    """A subclass of `upstream` whose tests run on `cases`.

    `names` replaces globals in those bodies that choose their configuration themselves: PEFT writes `LoraConfig` there
    for want of a parameter. Tests in `left_out` are not collected. Parameters that `cases` doesn't name (a dtype, a
    flag) keep PEFT's values.
    """
    body: dict[str, object] = dict.fromkeys(left_out)
    for name, test in functions_of(upstream):
        if name not in left_out:
            body[name] = on_cases(test, cases, names)
    return type(upstream.__name__, (upstream,), body)


def on_cases(test: Callable[..., None], cases: Cases, names: Mapping[str, object]) -> Callable[..., None]:
    marks = [on_our_cases(mark, cases) for mark in getattr(test, "pytestmark", [])]
    chooses_itself = not any("config" in written_names(mark) for mark in marks)
    adopted = copied(test, names if chooses_itself else {})
    adopted.pytestmark = marks  # type: ignore[attr-defined]  # where pytest keeps marks
    return adopted


def copied(test: Callable[..., None], names: Mapping[str, object]) -> FunctionType:
    """The same code with other globals. The name of a class that `super()` needs is a closure, and stays."""
    if not isinstance(test, FunctionType):
        raise TypeError(f"{test!r} is no plain function: it can't be adopted")
    adopted = FunctionType(
        test.__code__, {**test.__globals__, **names}, test.__name__, test.__defaults__, test.__closure__
    )
    adopted.__kwdefaults__ = test.__kwdefaults__
    adopted.__doc__ = test.__doc__
    return adopted


def on_our_cases(mark: pytest.Mark, cases: Cases) -> pytest.Mark:
    names = written_names(mark)
    if names not in cases:
        return mark
    indirect = ["model_id"] if names == "model_id" else False
    return pytest.mark.parametrize(names, cases[names], indirect=indirect).mark


def written_names(mark: pytest.Mark) -> str:
    """The parameters of a `parametrize`, without spaces; empty for other marks."""
    return str(mark.args[0]).replace(" ", "") if mark.name == "parametrize" else ""
