"""The signing key file: made once, for its owner alone, refused when others could read it."""

import stat

import pytest

from adapters.log.key_file import LogKeyExists, LogKeyMissing, LogKeyUnusable, create_signer, load_signer


def test_a_key_is_made_once_and_signs_the_same_afterwards(tmp_path):
    path = tmp_path / "keys" / "log.key"
    made = create_signer(path, "log.example")
    assert load_signer(path, "log.example").vkey == made.vkey
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(LogKeyExists):
        create_signer(path, "log.example")
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["log.key"]


def test_a_key_that_is_not_there_is_said_to_be_missing(tmp_path):
    with pytest.raises(LogKeyMissing):
        load_signer(tmp_path / "log.key", "log.example")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o700])
def test_a_key_that_others_could_read_is_refused(tmp_path, mode):
    path = tmp_path / "log.key"
    create_signer(path, "log.example")
    path.chmod(mode)
    with pytest.raises(LogKeyUnusable):
        load_signer(path, "log.example")


@pytest.mark.parametrize("content", [b"", b"AAAA\n", b"not base64", b"QUFB" * 11, b"\0" * 64])
def test_what_is_no_key_is_refused(tmp_path, content):
    path = tmp_path / "log.key"
    path.touch(mode=0o600)
    path.write_bytes(content)
    with pytest.raises(LogKeyUnusable):
        load_signer(path, "log.example")


def test_a_folder_is_no_key(tmp_path):
    with pytest.raises(LogKeyUnusable):
        load_signer(tmp_path, "log.example")
