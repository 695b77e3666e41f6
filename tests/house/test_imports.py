"""Each subpackage imports with only the dependencies its layer is allowed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Refuses every third-party import that isn't named, as a machine without it would. What the standard library, an allowed
# library, or its own dependencies need is allowed by naming the library's dependencies too.
BLOCKER = """
import sys, importlib, importlib.abc, importlib.metadata as metadata, pkgutil
package, own, allowed = sys.argv[1], set(sys.argv[2].split(",")), set(sys.argv[3].split(",")) - {""}

owners = metadata.packages_distributions()
def closure(names, seen):
    from packaging.requirements import Requirement
    for name in names:
        if name in seen: continue
        seen.add(name)
        try: requires = metadata.requires(name) or []
        except metadata.PackageNotFoundError: continue
        parsed = [Requirement(text) for text in requires]
        closure([r.name for r in parsed if r.marker is None or r.marker.evaluate({"extra": ""})], seen)
    return seen
normal = lambda name: name.lower().replace("_", "-").replace(".", "-")
distributions = {normal(name) for name in closure(allowed, set())}
for name in [name for name in sys.modules if name.split(".")[0] == "packaging"]: del sys.modules[name]

def refused(name):
    top = name.split(".")[0]
    if top in sys.stdlib_module_names or top in own or top.startswith("_"): return False
    return top in owners and not distributions & {normal(owner) for owner in owners[top]}

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if refused(name): raise ModuleNotFoundError(f"{name} is not allowed in {package}", name=name)
        return None

# Libraries ask this whether others are there, and expect None, no error, where one isn't.
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if refused(name) else find_spec(name, package)
sys.meta_path.insert(0, Refuse())

def modules(package):
    module = importlib.import_module(package)
    yield package
    for info in pkgutil.walk_packages(getattr(module, "__path__", []), package + "."):
        importlib.import_module(info.name)
        yield info.name
print(len(list(modules(package))))
"""

DOMAIN = {"eventsourcing", "numpy", "scipy"}
API = DOMAIN | {"fastapi", "jinja2", "markupsafe", "orjson", "prometheus-client", "structlog"}
ADAPTERS = DOMAIN | {
    "alembic", "altair", "argon2-cffi", "arq", "authlib", "cattrs", "cryptography", "fhir-core", "fhir-resources", "httpx", "joserfc", "limits", "orjson",
    "prometheus-client", "psycopg", "psycopg-binary", "pyotp", "redis", "shamir-mnemonic", "simple-icd-10-cm", "sqlalchemy", "standardwebhooks", "structlog",
    "typst", "uuid-utils", "vl-convert-python",
}  # fmt: skip

ALLOWED = [
    ("kernels", {"kernels"}, {"torch", "triton"}),
    ("ml.moe_lora", {"ml", "kernels"}, {"torch", "triton", "transformers", "peft", "accelerate"}),
    ("ml", {"ml", "kernels", "domain"}, DOMAIN | {"torch", "triton", "transformers", "peft", "accelerate"}),
    ("domain.errors", {"domain"}, set()),
    ("domain.ports", {"domain"}, set()),
    ("domain.model", {"domain"}, {"eventsourcing"}),
    ("domain.progress", {"domain"}, {"numpy", "scipy"}),
    ("domain", {"domain"}, DOMAIN),
    ("migrations", {"migrations"}, {"alembic", "sqlalchemy", "psycopg", "psycopg-binary"}),
    ("adapters", {"adapters", "domain", "migrations"}, ADAPTERS),
    ("api", {"api", "domain"}, API),
]


@pytest.mark.parametrize(("package", "own", "allowed"), ALLOWED, ids=[row[0] for row in ALLOWED])
def test_package_imports_with_only_the_dependencies_its_layer_allows(package, own, allowed):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER, package, ",".join(own), ",".join(allowed)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        # Triton's interpreter, chosen for the tests of the kernels, needs NumPy; the kernels themselves don't.
        env={**os.environ, "PYTHONPATH": str(ROOT), "TRITON_INTERPRET": "0"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout.split()[-1]) >= 1


def test_the_blocker_refuses_what_is_not_allowed():
    done = subprocess.run(
        [sys.executable, "-c", BLOCKER, "domain.model", "domain", ""],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode != 0
    assert "eventsourcing" in done.stderr


def test_importing_kernels_pulls_in_neither_torch_nor_triton():
    code = "import sys, kernels; print(sorted({'torch', 'triton', 'numpy'} & {m.split('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_base_product_starts_without_torch():
    code = "import sys, ops.cli; print('torch' in sys.modules, 'transformers' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
