"""A practice to back up, a vault for its back-ups, and empty databases, on either kind."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import pytest

from adapters.log.checkpoints import Checkpoint, key_name
from adapters.log.key_file import load_signer
from adapters.log.merkle import root_of
from adapters.offbox.folder import FolderOffBox
from ops.bootstrap import Part, build
from tests.backup.kit import Vault, elsewhere
from tests.conftest import DatabaseUrls, postgres_database
from tests.erasure.kit import Practice, found


@pytest.fixture
def practice(database_urls, tmp_path) -> Iterator[Practice]:
    settings = found(tmp_path / "deployment", database_urls)
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)


@pytest.fixture
def on_sqlite(tmp_path) -> Iterator[Practice]:
    settings = found(tmp_path / "deployment")
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)


@pytest.fixture
def vault(tmp_path) -> Vault:
    return Vault(tmp_path / "vault")


@pytest.fixture
def empty_urls(database_kind, request, tmp_path) -> Iterator[DatabaseUrls]:
    """Addresses of a deployment's databases that hold nothing yet."""
    if database_kind == "sqlite":
        (tmp_path / "new").mkdir(mode=0o700)
        yield DatabaseUrls.in_folder(tmp_path / "new")
        return
    with postgres_database(request.getfixturevalue("postgres_url")) as url:
        yield DatabaseUrls(url, url, url)


@pytest.fixture
def new_settings(practice, empty_urls):
    return elsewhere(practice.settings, empty_urls)


@pytest.fixture
def publish():
    """`publish(practice)` puts a signed checkpoint of the whole log off the box; returns it."""

    def published(practice: Practice, *, root: bytes | None = None) -> Checkpoint:
        system = practice.system
        size = system.recorder.last_position()
        leaves = [row.leaf for row in system.recorder.read_log(0, size)]
        checkpoint = Checkpoint(origin=system.recorder.log.name.decode(), size=size, root=root or root_of(leaves))
        signer = load_signer(practice.settings.log_key_file, key_name(system.recorder.deployment_id))
        FolderOffBox(practice.elsewhere).put(checkpoint.name, signer.sign(checkpoint.text).encode())
        return checkpoint

    return published


class Bucket(NamedTuple):
    name: str
    endpoint: str
    client: Any


@pytest.fixture
def bucket(monkeypatch) -> Iterator[Bucket]:
    """A bucket of a real HTTP server on loopback."""
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = import_module("boto3").client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket="copies")
        yield Bucket("copies", endpoint, client)
    finally:
        server.stop()
