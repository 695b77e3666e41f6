"""`anamnesis audit search --out`: a file that is there whole or not at all."""

import csv

import pytest

from ops.bootstrap import Part, build
from tests.ops.conftest import found, plain_environment, run


@pytest.fixture
def environment(tmp_path):
    with build(found(tmp_path / "data"), parts=Part.HOST) as system:
        system.runner().catch_up()
    return plain_environment(tmp_path / "data")


@pytest.mark.parametrize("form", ["table", "csv"])
def test_a_search_is_written_to_a_private_file_and_never_over_another(environment, tmp_path, form):
    file = tmp_path / "found"
    arguments = ("audit", "search", "--format", form, "--out", str(file))
    done = run(environment, *arguments)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    written = file.read_text()
    (heading, *_) = csv.reader(written.splitlines(), delimiter="\t" if form == "table" else ",")
    assert "position" in heading
    again = run(environment, *arguments)
    assert again.returncode == 1
    assert "never written over" in again.stderr
    assert file.read_text() == written


def test_a_search_that_fails_leaves_no_file(environment, tmp_path):
    file = tmp_path / "found"
    run(environment, "audit", "search")  # is on record itself, and no projection shows that here
    done = run(environment, "audit", "search", "--format", "csv", "--out", str(file))
    assert done.returncode == 1
    assert "view_behind" in done.stderr
    assert not file.exists()
    nowhere = run(environment, "audit", "search", "--out", str(tmp_path / "away" / "found"))
    assert nowhere.returncode == 1
    assert "can't be written there" in nowhere.stderr
