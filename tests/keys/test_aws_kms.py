"""Root keys in AWS KMS: the same contract as in files, over HTTP; what the service refuses is told, and what passes is tried again."""

import json
import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from adapters.keys import aws_kms
from adapters.keys.addresses import file_of, load_root, load_roots
from adapters.keys.aws_kms import AwsKmsRootKey
from adapters.keys.errors import KmsDown, KmsRefused, RootAddressWrong
from adapters.keys.root_file import FileRootKey
from domain.errors import SealBroken
from tests.contracts.root_key_contract import RootKeyContract
from tests.keys.test_rotation import assert_opens, rotate_root, rotation_on, sealed_by
from tests.seal.kit import NOTES_ROOT, ROOT, ring_on

ARN = "arn:aws:kms:eu-central-1:123456789012:key/0d9a2b30-7c6f-4b77-9a40-6a4f4a8d3c01"


@pytest.fixture(scope="module")
def kms_service():
    """A server of the same interface as AWS KMS, on loopback."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def surroundings(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "for-tests")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return monkeypatch


@pytest.fixture
def new_root(kms_service, surroundings):
    import boto3

    surroundings.setenv("AWS_ENDPOINT_URL_KMS", kms_service)
    client = boto3.client("kms", region_name="eu-central-1")

    def make():
        arn = client.create_key()["KeyMetadata"]["Arn"]
        return AwsKmsRootKey(arn), arn, client

    return make


class TestKeptInAwsKms(RootKeyContract):
    # The real service says IncorrectKeyException, which is SealBroken; the one here denies access.
    OF_ANOTHER = KmsRefused

    @pytest.fixture
    def root(self, new_root):
        return new_root()[0]

    @pytest.fixture
    def other(self, new_root):
        return new_root()[0]


class TestKeptInAFile(RootKeyContract):
    @pytest.fixture
    def root(self):
        return ROOT

    @pytest.fixture
    def other(self):
        return NOTES_ROOT


def test_a_root_moves_from_a_file_into_kms_and_back(keys_engine, new_root):
    root, _, _ = new_root()
    pairs = sealed_by(ring_on(keys_engine))
    rotate_root(rotation_on(keys_engine, (ROOT, root)), successor=root)
    assert_opens(ring_on(keys_engine, root=root), pairs)
    back = FileRootKey(os.urandom(32))
    rotate_root(rotation_on(keys_engine, (root, back)), successor=back)
    assert_opens(ring_on(keys_engine, root=back), pairs)


def test_an_unknown_key_is_refused_with_what_to_do(new_root):
    with pytest.raises(KmsRefused) as caught:
        AwsKmsRootKey(ARN).wrap(bytes(range(32)), b"context")
    assert "kms:Decrypt" in caught.value.hint


def test_a_plaintext_that_is_no_key_is_no_key_of_ours(new_root):
    root, arn, client = new_root()
    context = {"anamnesis": aws_kms._bound(b"context")["anamnesis"]}
    blob = client.encrypt(KeyId=arn, Plaintext=b"short", EncryptionContext=context)["CiphertextBlob"]
    with pytest.raises(SealBroken):
        root.unwrap(b"\x02" + blob, b"context")


def test_the_service_learns_the_hash_of_the_context_and_no_more():
    assert set(aws_kms._bound(b"client 17")) == {"anamnesis"}
    assert len(aws_kms._bound(b"client 17")["anamnesis"]) == 64


def test_a_child_of_a_fork_talks_on_connections_of_its_own(new_root):
    root, _, _ = new_root()
    wrapped = root.wrap(bytes(range(32)), b"context")
    child = os.fork()
    if child == 0:
        os._exit(0 if root.unwrap(wrapped, b"context") == bytes(range(32)) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert root.unwrap(wrapped, b"context") == bytes(range(32))


@pytest.fixture
def answering(surroundings):
    """A service that gives the same answer always; how often it was asked is in the list."""
    servers = []

    def serve(status, body):
        asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                self.rfile.read(int(self.headers["content-length"]))
                asked.append(self.headers["x-amz-target"])
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        surroundings.setenv("AWS_ENDPOINT_URL_KMS", f"http://127.0.0.1:{server.server_port}")
        surroundings.setattr(aws_kms, "ATTEMPTS", 2)
        return asked

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("code", ["ThrottlingException", "KMSInternalException"])
def test_what_passes_is_tried_again_and_then_told_as_such(answering, code):
    asked = answering(500 if code.startswith("KMS") else 400, {"__type": code})
    with pytest.raises(KmsDown) as caught:
        AwsKmsRootKey(ARN).wrap(bytes(32), b"")
    assert caught.value.retry_after_s > 0
    assert asked == ["TrentService.Encrypt"] * 2


@pytest.mark.parametrize("code", ["AccessDeniedException", "DisabledException", "KMSInvalidStateException", "Unheard"])
def test_a_refusal_is_not_tried_again(answering, code):
    asked = answering(400, {"__type": code, "message": "secret text of the service"})
    with pytest.raises(KmsRefused) as caught:
        AwsKmsRootKey(ARN).unwrap(b"\x02" + bytes(100), b"")
    assert len(asked) == 1
    assert "secret text" not in str(caught.value)


@pytest.mark.parametrize("code", ["InvalidCiphertextException", "IncorrectKeyException"])
def test_what_another_key_wrapped_or_nobody_did_is_broken(answering, code):
    answering(400, {"__type": code})
    with pytest.raises(SealBroken):
        AwsKmsRootKey(ARN).unwrap(b"\x02" + bytes(100), b"")


def test_a_service_that_answers_with_another_keys_plaintext_is_not_believed(answering):
    answering(200, {"KeyId": ARN[:-1] + "2", "Plaintext": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="})
    with pytest.raises(SealBroken):
        AwsKmsRootKey(ARN).unwrap(b"\x02" + bytes(100), b"")


def test_nobody_there_is_told_as_such(surroundings):
    surroundings.setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:9")
    surroundings.setattr(aws_kms, "ATTEMPTS", 1)
    with pytest.raises(KmsDown):
        AwsKmsRootKey(ARN).wrap(bytes(32), b"")


def test_without_credentials_it_says_so(surroundings):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        surroundings.delenv(name)
    surroundings.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    surroundings.setenv("AWS_CONFIG_FILE", "/dev/null")
    with pytest.raises(KmsRefused):
        AwsKmsRootKey(ARN).wrap(bytes(32), b"")


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        "",
        "root.key",
        "file:root.key",
        "/root.key",
        "s3://bucket/key",
        "awskms:",
        "awskms:alias/mine",
        "awskms:arn:aws:kms:eu-central-1:123456789012:alias/mine",
        f"awskms:{ARN} ",
    ],
)
def test_an_address_that_is_none_is_refused_with_the_shapes_there_are(address):
    with pytest.raises(RootAddressWrong):
        load_root(address)


def test_roots_are_loaded_by_their_addresses_each_generation_once(tmp_path):
    path = tmp_path / "root.key"
    made = FileRootKey.create(path)
    assert load_root(f"file:{path}").generation == made.generation
    assert [root.generation for root in load_roots([f"file:{path}", f"file:{path}"])] == [made.generation]
    assert file_of(f"file:{path}") == path
    assert load_root(f"awskms:{ARN}").generation.startswith("awskms-")
    assert file_of(f"awskms:{ARN}") is None


def test_who_keeps_roots_in_files_needs_no_library_for_aws():
    """And who names a key there without it is told which extra to install."""
    code = f"""
import sys
sys.modules["boto3"] = None
from adapters.keys.addresses import load_root
from adapters.keys.errors import AwsMissing
import ops.bootstrap
try:
    load_root("awskms:{ARN}")
except AwsMissing as missing:
    print(missing.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "anamnesis[aws]" in done.stdout
