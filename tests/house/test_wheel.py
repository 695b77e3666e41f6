"""The wheel: what it holds, and that our `kernels` does not pass for the library of that name."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import kernels

ROOT = Path(__file__).parents[2]

USES_TRANSFORMERS = """
import sys, pathlib
import kernels
where = pathlib.Path(kernels.__file__).resolve().parents[1]
assert where == pathlib.Path(sys.argv[1]).resolve(), where
import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.utils.import_utils import is_kernels_available
assert not is_kernels_available()
config = LlamaConfig(vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2)
model = LlamaForCausalLM(config)
print(tuple(model(torch.tensor([[1, 2, 3]])).logits.shape))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split("\n")
    for name in filter(None, tracked):
        path = ROOT / name
        if path.is_file() and not name.startswith(("tests/", "docs/")):
            target = source / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, source],
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_carries_the_calendar_version(wheel):
    assert wheel.name == f"anamnesis-{kernels.__version__}-py3-none-any.whl"
    year, month, _ = kernels.__version__.split(".")
    assert int(year) >= 2026
    assert 1 <= int(month) <= 12


def test_the_wheel_holds_every_template_migration_and_data_file_and_no_test(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    packages = ("adapters", "api", "domain", "kernels", "migrations", "ml", "ops")
    wanted = {
        str(path.relative_to(ROOT))
        for package in packages
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert wanted - names == set()
    assert any(name.startswith("api/web/templates/") for name in names)
    assert any(name.startswith("migrations/") and name.endswith(".py") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "docs/"))]


def test_transformers_works_from_the_repository_root():
    done = subprocess.run(
        [sys.executable, "-c", USES_TRANSFORMERS, ROOT], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "(1, 3, 32)", done.stderr[-2000:]


def test_transformers_works_beside_the_installed_wheel(wheel, tmp_path):
    target = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target", target, wheel],
        check=True,
        capture_output=True,
    )
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(target)!r})\n{USES_TRANSFORMERS}", target],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "(1, 3, 32)", done.stderr[-2000:]
