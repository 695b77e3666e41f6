"""PEFT's own tests, imported from the source distribution of the installed release.

A wheel of PEFT brings no tests, so `make` unpacks the source distribution beside the installed packages. Its folder is
called `tests`, as ours is: the modules are imported under the name `peft_own_tests`.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import version
from importlib.util import module_from_spec
from pathlib import Path
from types import ModuleType

PACKAGE = "peft_own_tests"
FETCH = "make .venv/.peft-source"

# What PEFT's test modules import at their top and none of the adopted cases uses. `datasets` alone would bring pyarrow
# and pandas.
UNUSED = {"diffusers": "StableDiffusionPipeline", "datasets": "load_dataset"}


class NotInstalled(RuntimeError):
    """A test asked for a package that its cases were chosen not to need."""


def source_folder() -> Path:
    """Where `make` unpacks the source distribution; the folder need not exist."""
    release = version("peft")
    return Path(sys.prefix) / f"peft-source-{release}" / f"peft-{release}"


def missing_source() -> str | None:
    """Why PEFT's tests can't be imported and what to do about it; None where they can be."""
    folder = source_folder()
    if not (folder / "tests" / "testing_common.py").is_file():
        return f"no tests of PEFT {version('peft')} at {folder}: fetch them with `{FETCH}`"
    stated = (folder / "PKG-INFO").read_text().split("\nVersion: ")[1].split("\n")[0]
    if stated != version("peft"):
        return f"{folder} holds PEFT {stated}, installed is {version('peft')}: remove it and run `{FETCH}`"
    return None


def own_tests(module: str) -> ModuleType:
    """PEFT's `tests/<module>.py`. Raises FileNotFoundError where the source distribution isn't there."""
    if reason := missing_source():
        raise FileNotFoundError(reason)
    if PACKAGE not in sys.modules:
        spec = ModuleSpec(PACKAGE, loader=None, is_package=True)
        spec.submodule_search_locations = [str(source_folder() / "tests")]
        sys.modules[PACKAGE] = module_from_spec(spec)
    # These look for `datasets` when they are imported first: they must not find what stands in for it.
    for library in ("accelerate.test_utils.testing", "transformers.trainer"):
        import_module(library)
    with stand_ins():
        return import_module(f"{PACKAGE}.{module}")


@contextmanager
def stand_ins() -> Iterator[None]:
    """While this is open, the packages nobody uses can be imported; what they offer raises NotInstalled when called."""
    absent = {name: module_of(name, what) for name, what in UNUSED.items() if name not in sys.modules}
    sys.modules.update(absent)
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


def module_of(name: str, what: str) -> ModuleType:
    def refuse(*_args: object, **_options: object) -> None:
        raise NotInstalled(f"{name}.{what} was called: the conformance tests run without {name}")

    module = module_from_spec(ModuleSpec(name, loader=None))
    setattr(module, what, type(what, (), {"__init__": refuse}))
    return module
