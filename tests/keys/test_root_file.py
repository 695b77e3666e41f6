"""Root key files: who may hold one, and what is told to those who may not."""

import base64
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys.errors import (
    RootKeyExists,
    RootKeyMalformed,
    RootKeyMissing,
    RootKeyNotOurs,
    RootKeyTooOpen,
    RootKeyUnreadable,
)
from adapters.keys.root_file import FileRootKey
from domain.errors import SealBroken


@pytest.fixture
def path(tmp_path):
    return tmp_path / "keys" / "root.key"


def test_a_new_file_is_ours_alone_and_holds_32_random_bytes_as_text(path):
    made = FileRootKey.create(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    key = base64.b64decode(path.read_text().strip(), validate=True)
    assert len(key) == 32
    assert FileRootKey.load(path).generation == made.generation
    assert list(path.parent.iterdir()) == [path]


def test_every_folder_made_for_a_key_is_durable_before_the_key_is_used(tmp_path, monkeypatch):
    """A crash after the first seal must not take the folder, and with it the only copy of the key."""
    synced, fsync = [], os.fsync

    def watched(descriptor):
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    FileRootKey.create(tmp_path / "var" / "keys" / "root.key")
    folders = [str(tmp_path), str(tmp_path / "var"), str(tmp_path / "var" / "keys")]
    assert set(folders) <= set(synced)
    assert synced[-1] == folders[-1]


def test_a_file_that_is_there_is_never_overwritten(path):
    FileRootKey.create(path)
    before = path.read_bytes()
    with pytest.raises(RootKeyExists):
        FileRootKey.create(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_loading_never_makes_a_file(path):
    with pytest.raises(RootKeyMissing) as caught:
        FileRootKey.load(path)
    assert str(path) in str(caught.value)
    assert not path.exists()


@pytest.mark.parametrize("special", [0, stat.S_ISUID, stat.S_ISGID, stat.S_ISVTX])
def test_only_modes_within_0600_are_taken(tmp_path, special):
    path = tmp_path / "root.key"
    FileRootKey.create(path)
    for mode in [special | mode for mode in range(0o400, 0o1000) if mode & 0o400]:
        path.chmod(mode)
        if mode in {0o400, 0o600}:
            FileRootKey.load(path)
            continue
        with pytest.raises(RootKeyTooOpen) as caught:
            FileRootKey.load(path)
        assert f"{mode:04o}" in caught.value.detail
        assert f"chmod 600 {path}" in caught.value.detail


def test_a_file_of_another_user_is_refused(path, monkeypatch):
    FileRootKey.create(path)
    other = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: other)
    with pytest.raises(RootKeyNotOurs):
        FileRootKey.load(path)


def test_a_folder_or_a_device_is_no_root_key(tmp_path):
    for other in (tmp_path, "/dev/null"):
        with pytest.raises(RootKeyUnreadable):
            FileRootKey.load(type(tmp_path)(other))


def test_a_pipe_does_not_hang_the_start(tmp_path):
    pipe = tmp_path / "root.key"
    os.mkfifo(pipe, 0o600)
    with pytest.raises(RootKeyUnreadable):
        FileRootKey.load(pipe)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        base64.b64encode(bytes(31)),
        base64.b64encode(bytes(range(33))),
        base64.b64encode(bytes(32)),
        base64.b64encode(bytes(range(32)))[:-1],
        base64.b64encode(bytes(range(32))) + b"\n" + base64.b64encode(bytes(range(1, 33))),
        b"-----BEGIN PRIVATE KEY-----",
        bytes(range(32)),
        b"A" * 100_000,
    ],
)
def test_anything_but_32_bytes_in_base64_is_malformed(tmp_path, content):
    path = tmp_path / "root.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(RootKeyMalformed) as caught:
        FileRootKey.load(path)
    assert content[:20] == b"" or content[:20] not in str(caught.value).encode()


@pytest.mark.parametrize("ending", [b"", b"\n", b"\r\n", b"  \n"])
def test_editors_may_end_the_line_as_they_like(tmp_path, ending):
    path = tmp_path / "root.key"
    path.write_bytes(base64.b64encode(bytes(range(32))) + ending)
    path.chmod(0o600)
    assert FileRootKey.load(path).generation == FileRootKey(bytes(range(32))).generation


def test_the_generation_names_the_key_and_does_not_give_it_away():
    key = os.urandom(32)
    generation = FileRootKey(key).generation
    assert generation == FileRootKey(key).generation
    assert generation != FileRootKey(os.urandom(32)).generation
    assert len(generation) <= 64
    assert key.hex()[:8] not in generation
    assert key.hex() not in repr(FileRootKey(key))


@given(key=st.binary(min_size=32, max_size=32), context=st.binary(max_size=64))
def test_what_a_root_wraps_it_unwraps_for_the_same_context(key, context):
    root = FileRootKey(bytes(range(32)))
    wrapped = root.wrap(key, context)
    assert key not in wrapped
    assert root.unwrap(wrapped, context) == key
    with pytest.raises(SealBroken):
        root.unwrap(wrapped, context + b"x")
    with pytest.raises(SealBroken):
        FileRootKey(bytes(range(1, 33))).unwrap(wrapped, context)


def test_every_altered_bit_and_every_length_of_a_wrapped_key_is_refused():
    root = FileRootKey(bytes(range(32)))
    wrapped = root.wrap(os.urandom(32), b"context")
    for bit in range(len(wrapped) * 8):
        altered = bytearray(wrapped)
        altered[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            root.unwrap(bytes(altered), b"context")
    for cut in range(len(wrapped)):
        with pytest.raises(SealBroken):
            root.unwrap(wrapped[:cut], b"context")
    with pytest.raises(SealBroken):
        root.unwrap(wrapped + b"\x00", b"context")


@pytest.mark.parametrize("size", [0, 16, 31, 33])
def test_only_keys_of_32_bytes_are_wrapped(size):
    with pytest.raises(ValueError, match="32 bytes"):
        FileRootKey(bytes(range(32))).wrap(bytes(size), b"")
    with pytest.raises(ValueError, match="32 bytes"):
        FileRootKey(bytes(size))
