"""SIGKILL at any moment of `anamnesis export`: the file is there whole or not at all, and nothing of it lies beside it."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
from fhir.resources.R4B.bundle import Bundle

from domain.ports.call import Role
from domain.services.imports import Taken
from ops.bootstrap import Part, System, build
from tests.imports.conftest import with_account
from tests.imports.test_exports import STAFF, taken, with_samples
from tests.ops.conftest import found, plain_environment

ROOT = Path(__file__).parents[2]
FORMS = ("json", "fhir")
QUICK, LONG = 6, 200


class Exports:
    """`run` lets one go on to its end and gives its status, or kills it as soon as it is told to, unless it was quicker."""

    def __init__(self, data_dir: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("kill_exporter.py"))],
            cwd=ROOT,
            env=plain_environment(data_dir) | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, *words: object, kill_when: Callable[[], bool] | None = None) -> int:
        self._process.stdin.write(" ".join(map(str, words)) + "\n")
        pid = int(self._process.stdout.readline().split()[1])
        if kill_when is not None:
            while not kill_when():
                os.sched_yield()
            with suppress(ProcessLookupError):  # it was quicker
                os.kill(pid, signal.SIGKILL)
        return int(self._process.stdout.readline().split()[1])

    def end(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[System]:
    """Where what was exported is imported."""
    with build(found(tmp_path / "there"), parts=Part.HOST) as system:
        staffed(system)
        yield system


@pytest.fixture
def exports(tmp_path: Path) -> Iterator[Exports]:
    started = Exports(tmp_path / "here")
    yield started
    started.end()


@pytest.fixture
def client_id(tmp_path: Path) -> UUID:
    with build(found(tmp_path / "here"), parts=Part.HOST) as system:
        staffed(system)
        return with_samples(system, 1)[0]


def staffed(system: System) -> None:
    for key, login in STAFF.items():
        with_account(system, login, Role.SUPERVISOR if key == "supervisor" else Role.CLINICIAN)


def names_in(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def after(delay_s: float) -> Callable[[], bool]:
    end = time.perf_counter() + delay_s
    return lambda: time.perf_counter() > end


def changed(folder: Path) -> Callable[[], bool]:
    before, too_late = names_in(folder), after(60)
    return lambda: names_in(folder) != before or too_late()


def check_whole(there: System, file: Path, form: str) -> None:
    told = json.loads(file.read_bytes())
    if form == "fhir":
        assert Bundle.model_validate(told).entry
    else:
        assert taken(there, told) in (Taken.WRITTEN, Taken.THERE_ALREADY)


class Killed:
    """Exports into a folder of their own that are killed. `how` goes before the arguments."""

    def __init__(self, exports: Exports, there: System, folder: Path, arguments: list[object], *how: str) -> None:
        folder.mkdir()
        self.file = folder / "record"
        self._exports, self._there, self._form = exports, there, arguments[-1]
        self._words = [*how, *arguments, "--to", self.file]

    def to_its_end(self) -> float:
        """How long it took, in seconds."""
        self.file.unlink(missing_ok=True)
        began = time.perf_counter()
        assert self._exports.run(*self._words) == 0
        took_s = time.perf_counter() - began
        assert names_in(self.file.parent) == {self.file.name}
        check_whole(self._there, self.file, self._form)
        return took_s

    def rounds(self, kills: int) -> Iterator[set[str]]:
        """After each kill what else lies in the folder. They come at any moment, when the file may be being written, and as
        soon as something in the folder is another; in turn.
        """
        seed = random.randrange(2**32)
        sys.stdout.write(f"seed {seed}")  # shown when the test fails
        chance = random.Random(seed)
        self.to_its_end()  # what the first one loads costs the second one nothing
        whole_s = self.to_its_end()
        for number in range(kills):
            self.file.unlink(missing_ok=True)
            late = after(chance.uniform(number % 2 * 0.7, 1) * whole_s)
            kill_when = changed(self.file.parent) if number % 3 == 0 else late
            done = self._exports.run(*self._words, kill_when=kill_when) == 0
            assert self.file.exists() or not done
            if self.file.exists():
                check_whole(self._there, self.file, self._form)
            yield names_in(self.file.parent) - {self.file.name}
        self.to_its_end()


@pytest.fixture
def killed(exports, there, client_id, tmp_path) -> Callable[..., Killed]:
    """`killed(form, *how)`."""
    return lambda form, *how: Killed(exports, there, tmp_path / "out", [client_id, "--format", form], *how)


def nothing_beside(killed: Callable[..., Killed], form: str, kills: int) -> None:
    assert not any(killed(form).rounds(kills))


def swept(killed: Callable[..., Killed], form: str, kills: int) -> None:
    """At most what the last one left, under a name that says what it is."""
    left = list(killed(form, "named").rounds(kills))
    assert any(left)
    for names in left:
        assert len(names) <= 1
        assert all(name.startswith(".anamnesis-unfinished-") for name in names)


@pytest.mark.parametrize("form", FORMS)
def test_a_few_killed_exports_leave_a_whole_file_or_none(killed, form):
    nothing_beside(killed, form, QUICK)


def test_where_files_must_have_names_the_next_export_removes_what_a_killed_one_left(killed):
    swept(killed, "json", QUICK)


@pytest.mark.faults
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("held_to", [nothing_beside, swept], ids=["without_names", "with_names"])
def test_two_hundred_killed_exports_leave_a_whole_file_or_none(killed, form, held_to):
    held_to(killed, form, LONG)
