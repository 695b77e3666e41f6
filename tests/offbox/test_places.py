"""Places off the box, one suite for both: what is put stays, and nothing is written over."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.offbox.folder import FolderOffBox
from adapters.offbox.names import OffBoxNameInvalid
from adapters.offbox.places import OffBoxAddressInvalid, off_box
from adapters.offbox.s3 import S3OffBox
from domain.ports.offbox import OffBoxConflict, OffBoxUnavailable

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bucket_service():
    """A server of the same interface as AWS S3, in a process's thread of its own, on loopback."""
    from moto.server import ThreadedMotoServer

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "for-tests")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(bucket_service, request):
    import boto3

    name = f"safe-{abs(hash(request.node.nodeid)) % 10**9}"
    boto3.client("s3", endpoint_url=bucket_service).create_bucket(Bucket=name)
    return off_box(f"s3://{name}/some/prefix", s3_endpoint=bucket_service)


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    return FolderOffBox(tmp_path) if request.param == "folder" else request.getfixturevalue("bucket")


def test_what_was_put_is_there_and_what_was_not_is_none(place):
    place.put("checkpoints/000001/00000000000000000007", b"seven")
    assert place.get("checkpoints/000001/00000000000000000007") == b"seven"
    assert place.get("checkpoints/000001/00000000000000000008") is None


def test_the_same_again_is_fine_and_something_else_is_refused(place):
    place.put("a/b", b"one")
    place.put("a/b", b"one")
    with pytest.raises(OffBoxConflict):
        place.put("a/b", b"two")
    assert place.get("a/b") == b"one"


def test_names_come_in_the_order_of_their_text_below_a_prefix(place):
    for name in ("checkpoints/000002/1", "checkpoints/000001/2", "erasures/1", "checkpoints/000001/10"):
        place.put(name, b"x")
    assert list(place.names("checkpoints/")) == [
        "checkpoints/000001/10",
        "checkpoints/000001/2",
        "checkpoints/000002/1",
    ]
    assert list(place.names("checkpoints/000001/1")) == ["checkpoints/000001/10"]
    assert list(place.names("checkpoints")) == list(place.names("checkpoints/"))
    assert list(place.names("nothing/")) == []
    assert len(place.names("")) == 4


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", "../a", "a/../b", "a/.b", "A", "ä", "a b", "a\n", "x" * 401])
def test_names_that_could_surprise_are_refused(place, name):
    with pytest.raises(OffBoxNameInvalid):
        place.put(name, b"x")
    with pytest.raises(OffBoxNameInvalid):
        place.get(name)


def test_a_bucket_of_many_things_is_listed_whole(bucket):
    for number in range(1_005):
        bucket.put(f"many/{number:05}", b"x")
    assert len(bucket.names("many/")) == 1_005


def test_a_bucket_that_is_not_there_is_unavailable(bucket_service):
    place = S3OffBox("no-such-bucket", endpoint=bucket_service)
    for use in (lambda: place.put("a", b"x"), lambda: place.names("")):
        with pytest.raises(OffBoxUnavailable):
            use()


def test_a_service_that_is_not_there_is_unavailable():
    with pytest.raises(OffBoxUnavailable):
        S3OffBox("bucket", endpoint="http://127.0.0.1:9").get("a")


def test_a_folder_that_went_away_is_unavailable_rather_than_empty(tmp_path):
    place = FolderOffBox(tmp_path / "unmounted")
    for use in (lambda: place.put("a", b"x"), lambda: place.get("a"), lambda: place.names("")):
        with pytest.raises(OffBoxUnavailable):
            use()


def test_nothing_is_named_before_it_is_whole(tmp_path):
    """A process is killed again and again while it puts; whatever has a name is whole."""
    script = (
        "import sys; from pathlib import Path; from adapters.offbox.folder import FolderOffBox\n"
        "place = FolderOffBox(Path(sys.argv[1]))\n"
        "for number in range(10**6): place.put(f'n/{number:07}', bytes([number % 256]) * 50_000); print(number, flush=True)\n"
    )
    place = FolderOffBox(tmp_path)
    for round_ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
        ) as writer:
            for _ in range(20 * (round_ + 1)):
                writer.stdout.readline()
            writer.kill()
        names = place.names("n/")
        assert len(names) >= 20 * (round_ + 1)
        for name in names:
            content = place.get(name)
            assert content == content[:1] * 50_000


@pytest.mark.parametrize("url", ["http://x/y", "s3://", "s3://A_B/c", "file://other/host", "s3://bucket/a?b=c"])
def test_addresses_that_name_no_place_are_refused(url):
    with pytest.raises(OffBoxAddressInvalid):
        off_box(url)


def test_a_folder_is_named_by_its_path_or_its_url(tmp_path):
    off_box(str(tmp_path)).put("a", b"x")
    assert off_box(tmp_path.as_uri()).get("a") == b"x"
