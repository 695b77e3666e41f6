"""What the domain may import, read from its sources."""

import ast
import sys
from pathlib import Path

import pytest

import domain

ROOT = Path(domain.__file__).parent
MAY = {"model": {"eventsourcing.domain"}, "progress": {"numpy", "numpy.typing", "scipy", "scipy.optimize"}}
"""What a part may import of third parties."""


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively"
            found.add(node.module or "")
    return found


def foreign(path: Path) -> set[str]:
    """Imported modules of third parties."""
    own = {"domain"} | sys.stdlib_module_names
    return {name for name in imports(path) if name.partition(".")[0] not in own}


SOURCES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_domain_needs_the_standard_library_and_itself(path):
    assert foreign(path) <= MAY.get(path.relative_to(ROOT).parts[0], set())


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_model_knows_no_use_case_and_ports_know_neither(path):
    inner = path.relative_to(ROOT).parts[0]
    refused = {"ports": ("domain.model", "domain.services"), "model": ("domain.services",)}.get(inner, ())
    assert not {name for name in imports(path) if name.startswith(refused)} if refused else True


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name == "model"], ids=lambda path: path.name)
def test_the_model_takes_time_and_chance_as_arguments(path):
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)}
    assert not called & {"datetime.now", "datetime.utcnow", "time.time", "time_ns", "uuid4", "uuid1", "random"}
    assert "from __future__" not in path.read_text()
