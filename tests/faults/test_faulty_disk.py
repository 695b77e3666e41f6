"""System calls on database files fail, as on a full or dying disk: no acknowledged write is lost, and once the disk is
well again the log is whole and goes on. `strace` makes them fail; where it is missing or may not trace, nothing is tried.
"""

import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from ops.bootstrap import Part, build
from ops.settings import Settings
from tests.faults.faulty_disk_writer import call_of
from tests.ops.conftest import found, plain_environment
from tests.store.audit import audit

ROOT = Path(__file__).parents[2]
WRITER = Path(__file__).with_name("faulty_disk_writer.py")
TRIES = 25
OWN_ERRORS = ("domain.errors.", "adapters.db.errors.")
CALLS = "pwrite64,pread64,fsync,fdatasync,ftruncate"


@dataclass(frozen=True)
class Fault:
    """`when` as strace has it: the how-manieth call of a thread fails, and which after it."""

    database: str
    call: str
    error: str
    when: str

    def strace(self, folder: Path, seen: Path) -> list[str]:
        file = folder / f"{self.database}.db"
        paths = [part for ending in ("", "-wal", "-shm") for part in ("-P", f"{file}{ending}")]
        inject = f"inject={self.call}:error={self.error}:when={self.when}"
        return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(seen), *paths, "-e", f"trace={CALLS}", "-e", inject]


@pytest.fixture(scope="module")
def tracing(tmp_path_factory) -> None:
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed: system calls can't be made to fail")
    seen = tmp_path_factory.mktemp("strace") / "seen"
    tried = subprocess.run(
        ["strace", "-f", "--seccomp-bpf", "-o", str(seen), "true"], capture_output=True, text=True, check=False
    )
    if tried.returncode != 0 or not seen.read_text():
        pytest.skip(f"strace may not trace here: {tried.stderr.strip()[:200]}")


def written_under(fault: Fault, folder: Path, seen: Path) -> Counter[str]:
    """What the writer told: how often each error, and each client that was acknowledged."""
    done = subprocess.run(
        [*fault.strace(folder, seen), sys.executable, str(WRITER), str(TRIES)],
        cwd=ROOT,
        env=plain_environment(folder) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    # A disk that fails while the process starts or ends fails the process, with an error that says so.
    assert done.returncode == 0 or done.stderr.splitlines()[-1].startswith(OWN_ERRORS), done.stderr
    return Counter(done.stdout.splitlines())


def check_kept(folder: Path, told: Counter[str]) -> None:
    """A process with a sound disk reads every acknowledged client, finds the log whole, and writes on."""
    kept = [UUID(line.split()[1]) for line in told if line.startswith("kept")]
    with build(Settings.load({"ANAMNESIS_DATA_DIR": str(folder)}), parts=Part.API) as system:
        clients = system.services.clients
        for client_id in kept:
            assert clients.identity(call_of(system), client_id).content.names[0].family == client_id.hex
        clients.register(call_of(system), uuid4(), IdentityContent(names=(PersonName(family="Okafor"),)))
        audit(system.databases.events)


def try_out(fault: Fault, folder: Path) -> tuple[Counter[str], bool]:
    """What the writer told, and whether any call failed."""
    seen = folder.with_suffix(".strace")
    found(folder)
    told = written_under(fault, folder, seen)
    check_kept(folder, told)
    return told, "(INJECTED)" in seen.read_text()


@pytest.mark.parametrize(
    ("fault", "outcomes"),
    [
        (Fault("events", "pwrite64", "ENOSPC", "200+"), {"kept", "refused database_full"}),
        (Fault("events", "pwrite64", "EIO", "60+37"), {"kept"}),
        (Fault("events", "fdatasync", "EIO", "5+3"), {"kept"}),
        (Fault("keys", "pwrite64", "ENOSPC", "200+"), {"kept", "refused keys_unavailable"}),
        (Fault("keys", "fdatasync", "EIO", "20+"), {"kept", "refused keys_unavailable"}),
    ],
    ids=lambda value: "-".join(vars(value).values()) if isinstance(value, Fault) else "",
)
def test_a_failing_disk_loses_no_write_that_was_acknowledged(tracing, tmp_path, fault, outcomes):
    """A call that fails once is made again with its whole transaction; one that goes on failing is an error that says
    which.
    """
    told, failed = try_out(fault, tmp_path / "data")
    assert failed
    assert {line if line.startswith("refused") else "kept" for line in told} == outcomes


@pytest.mark.faults
@pytest.mark.timeout(7200)
def test_three_hundred_failing_disks_lose_nothing(tracing, tmp_path):
    seed = random.randrange(2**32)
    sys.stdout.write(f"seed {seed}")  # shown when the test fails
    chance, outcomes = random.Random(seed), Counter()
    for number in range(300):
        first = chance.randint(1, 400)
        fault = Fault(
            database=chance.choice(("events", "events", "keys")),
            call=chance.choice(("pwrite64", "pwrite64", "fdatasync", "pread64", "ftruncate")),
            error=chance.choice(("ENOSPC", "EIO")),
            when=chance.choice((f"{first}", f"{first}+", f"{first}+{chance.randint(2, 60)}")),
        )
        told, failed = try_out(fault, tmp_path / str(number))
        outcomes.update({"failed": failed, "refused": any(line.startswith("refused") for line in told)})
        shutil.rmtree(tmp_path / str(number))
    assert outcomes["failed"] > 100
    assert outcomes["refused"] > 30
