import socket

import pytest

from tests.identity.running import RunningProvider, new_key


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    return [new_key(folder, f"key-{number}") for number in range(3)]


@pytest.fixture(scope="module")
def running(tmp_path_factory, keys):
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    provider = RunningProvider(tmp_path_factory.mktemp("provider"), port)
    provider.start(keys[0], email="ada@example.org", email_verified=True)
    yield provider
    provider.stop()
