"""What must hold of the tree as a whole."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in done.stdout.split("\n") if name and (ROOT / name).is_file()]


def test_every_ignored_lint_rule_has_a_reason_beside_it():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    start = lines.index("[tool.ruff.lint]")
    for line in lines[start : lines.index("[tool.ruff.lint.isort]")]:
        if re.match(r'\s+"[A-Z]+\d*",', line):
            assert re.search(r"# \S.{8,}", line), f"no reason: {line}"


def test_every_inline_ignore_names_its_rule_and_its_reason():
    bare = re.compile(r"#\s*(noqa|type: ignore)(?!.*[\w\]]( -|  #) \S)")
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        if path.suffix == ".py" and path != Path(__file__)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if bare.search(line)
    ]
    assert found == []


def test_no_file_of_a_secret_or_a_database_is_tracked():
    forbidden = re.compile(r"\.(key|pem|db|sqlite3?|p12)$|(^|/)\.env$")
    assert [str(path) for path in tracked() if forbidden.search(str(path))] == []


def test_constraints_pin_every_declared_dependency():
    pinned = {
        re.split(r"==", line)[0].lower().replace("_", "-")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["dependencies"] + project["optional-dependencies"]["dev"] + project["optional-dependencies"]["ml"]
    names = {re.split(r"[\[<>=;!~ ]", text)[0].lower().replace("_", "-") for text in wanted} - {"anamnesis"}
    assert names - pinned == set()
