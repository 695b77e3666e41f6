"""No module but those named here imports what connects to another machine, and each says why it may."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("adapters", "api", "domain", "kernels", "migrations", "ml", "ops")
CONNECTING = {
    "aiohttp", "authlib", "boto3", "botocore", "ftplib", "http.client", "httpx", "requests", "smtplib", "socket", "telnetlib", "urllib.request",
    "urllib3", "websockets", "xmlrpc",
}  # fmt: skip


def connecting(tree: ast.AST) -> set[str]:
    """What a module imports of those, anywhere in it: also within functions, and by name."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in {
            "import_module",
            "__import__",
        }:
            names |= {one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)}
    return {way for name in names for way in CONNECTING if name == way or name.startswith(way + ".")}


def found() -> dict[str, set[str]]:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    ways = {str(file.relative_to(ROOT)): connecting(ast.parse(file.read_text(encoding="utf-8"))) for file in files}
    return {path: names for path, names in ways.items() if names}


DEPARTURES = {
    "adapters/webhooks/http.py": "behind HttpWebhookSender, which takes a permit in at the gate before each message",
}
"""What tells somebody about clients, and so asks at the way out."""
WITHOUT_CLIENTS = {
    "adapters/erasure/leases.py": "the name of this machine; nothing is connected",
    "adapters/identity/oidc.py": "signs staff and clients in at a provider that the host configured; asks, and tells nothing of a record",
    "adapters/keys/aws_kms.py": "wraps keys, sealed before they go; no record",
    "adapters/log/witnesses.py": "checkpoints: a size and a hash",
    "ops/backup/places.py": "back-ups to the practice's own store: whole databases, sealed as they lie",
    "ops/bench/clinic.py": "measures this machine over loopback",
    "ops/bench/processes.py": "measures this machine over loopback",
    "ops/bench/progress.py": "measures this machine over loopback",
    "ops/checks/host.py": "asks its own API on this machine whether it is up",
    "ops/demo.py": "asks its own API on this machine whether it is up",
    "ops/ports.py": "looks for a free port of this machine",
    "ops/verifying/fetching.py": "reads checkpoints from a witness; sends nothing",
}


def test_only_modules_named_here_can_connect_to_another_machine():
    assert set(found()) == set(DEPARTURES) | set(WITHOUT_CLIENTS)


def test_what_departs_is_reached_only_by_who_hands_a_permit_in():
    users = [
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        if "adapters.webhooks.http" in file.read_text(encoding="utf-8")
    ]
    assert users == ["adapters/webhooks/sender.py"]


def test_the_search_sees_imports_wherever_they_hide():
    hidden = "def f():\n    from urllib import request\n    import httpx as h\n    importlib.import_module('boto3.session')\n"
    assert connecting(ast.parse(hidden)) == {"urllib.request", "httpx", "boto3"}
    assert connecting(ast.parse("import urllib.parse, http, httpxyz")) == set()
