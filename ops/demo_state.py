"""The folder of a demo: how it is told from any other folder, locked, and begun anew."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

from domain.errors import Misconfigured
from ops.folders import make_private

_MARK: Final = "anamnesis-demo"
_FILE: Final = "demo.json"
_LOCK: Final = "demo.lock"


class NotADemo(Misconfigured):
    """Never mix a demo with somebody's records, and never delete them."""

    code = "not_a_demo"
    message = "This folder holds something, and not a demo."
    hint = "Choose another folder with ANAMNESIS_DATA_DIR; a demo needs one of its own."


class DemoRunning(Misconfigured):
    code = "demo_running"
    message = "A demo runs in this folder already."
    hint = "End it with Ctrl-C where it runs, or choose another folder with ANAMNESIS_DATA_DIR."


class ResetNotConfirmed(Misconfigured):
    code = "reset_not_confirmed"
    message = "Removing the demo's data needs a confirmation, and there is no terminal to ask on."
    hint = "Add --yes."


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoState:
    """`seed` makes the ids of the sample clients; `began` is the day their histories end before."""

    seed: UUID
    began: date


def open_state(folder: Path, today: date) -> tuple[DemoState, bool]:
    """The demo's state, and whether it begins now. Call it `locked`. Raises NotADemo."""
    if (state := read_state(folder)) is not None:
        return state, False
    folder.chmod(0o700)
    state = DemoState(seed=uuid4(), began=today)
    _write(folder, state)
    return state, True


def read_state(folder: Path) -> DemoState | None:
    """None where no demo was begun. Raises NotADemo for a mark that can't be read."""
    try:
        told = json.loads((folder / _FILE).read_text(encoding="utf-8"))
        if told["made_by"] != _MARK:
            raise NotADemo(path=folder)
        return DemoState(seed=UUID(told["seed"]), began=date.fromisoformat(told["began"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise NotADemo(path=folder) from exc


def reset(folder: Path) -> bool:
    """Remove everything a demo left; whether there was one. Call it `locked`."""
    if read_state(folder) is None:
        return False
    # The mark goes last: an interrupted reset can be repeated.
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name == _FILE):
        if entry.name == _LOCK:
            continue
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    return True


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One demo a folder, until the block or the process ends; the folder is made. Raises NotADemo, DemoRunning."""
    make_private(folder)
    if read_state(folder) is None and any(entry.name != _LOCK for entry in folder.iterdir()):
        raise NotADemo(path=folder)
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise DemoRunning(path=folder) from None
        yield
    finally:
        os.close(descriptor)


def _write(folder: Path, state: DemoState) -> None:
    aside = folder / f"{_FILE}.new"
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"made_by": _MARK, "seed": str(state.seed), "began": state.began.isoformat()}, file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / _FILE)
