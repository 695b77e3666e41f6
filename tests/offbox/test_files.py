"""Files that are there whole or not at all: with their name given at the end, and where they need one from the start."""

import fcntl
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.files import new_file, sweep_unfinished, write_new


@pytest.fixture(params=["without_names", "with_names"])
def folder(request, monkeypatch, tmp_path):
    """On a system that knows files without names, and on one that doesn't."""
    if request.param == "with_names":
        monkeypatch.delattr(os, "O_TMPFILE")
    return tmp_path


def names_in(folder):
    return {each.name for each in folder.iterdir()}


def test_a_file_is_whole_and_has_the_mode_asked_for(folder):
    write_new(folder / "note", b"text", 0o400)
    assert names_in(folder) == {"note"}
    assert (folder / "note").read_bytes() == b"text"
    assert stat.S_IMODE((folder / "note").stat().st_mode) == 0o400


@pytest.mark.parametrize("dangling", [False, True], ids=["a_file", "a_link_to_nowhere"])
def test_what_is_there_is_never_written_over(folder, dangling):
    if dangling:
        (folder / "note").symlink_to("nowhere")
    else:
        (folder / "note").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        write_new(folder / "note", b"new")
    assert names_in(folder) == {"note"}
    assert dangling or (folder / "note").read_bytes() == b"old"


def test_of_many_who_write_the_same_name_one_does(folder):
    def wrote(number):
        try:
            write_new(folder / "note", b"%d" % number * 1000)
        except FileExistsError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wrote, range(40))) == 1
    assert names_in(folder) == {"note"}
    assert len((folder / "note").read_bytes()) % 1000 == 0


def test_a_block_that_fails_leaves_nothing(folder):
    def begun():
        with new_file(folder / "note") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        begun()
    assert names_in(folder) == set()


def test_a_folder_that_is_not_there_is_an_error_and_is_not_made(folder):
    with pytest.raises(FileNotFoundError):
        write_new(folder / "away" / "note", b"text")
    assert names_in(folder) == set()


def test_a_sweep_leaves_what_is_still_being_written(folder):
    with new_file(folder / "note") as file:
        file.write(b"te")
        sweep_unfinished(folder)
        file.write(b"xt")
    assert (folder / "note").read_bytes() == b"text"
    sweep_unfinished(folder)
    assert names_in(folder) == {"note"}


def test_a_sweep_removes_what_the_dead_left_and_nothing_else(folder):
    (folder / ".anamnesis-unfinished-0123456789abcdef").write_bytes(b"half")
    os.mkfifo(folder / ".anamnesis-unfinished-pipe")
    (folder / ".anamnesis-unfinished-folder").mkdir()
    (folder / ".note.1234").write_bytes(b"somebody else's")
    (folder / ".anamnesis-unfinished-link").symlink_to(folder / ".note.1234")
    sweep_unfinished(folder)
    assert names_in(folder) >= {".note.1234", ".anamnesis-unfinished-folder", ".anamnesis-unfinished-link"}
    assert ".anamnesis-unfinished-0123456789abcdef" not in names_in(folder)
    sweep_unfinished(folder / "away")


def test_what_is_swept_before_it_was_locked_is_begun_anew(monkeypatch, tmp_path):
    monkeypatch.delattr(os, "O_TMPFILE")
    locks, lock = [], fcntl.flock

    def swept_before(descriptor, operation):
        locks.append(operation)
        if len(locks) == 1:
            sweep_unfinished(tmp_path)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", swept_before)
    write_new(tmp_path / "note", b"text")
    assert names_in(tmp_path) == {"note"}
    assert (tmp_path / "note").read_bytes() == b"text"
