"""What numbers depend on besides the code: machine, versions, commit."""

import os
import platform
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("sqlalchemy", "psycopg", "cryptography", "eventsourcing", "fastapi", "uvicorn")
_TREE: Final = Path(__file__).resolve().parents[2]


def machine(folder: Path) -> dict[str, str]:
    """Facts of this machine, with the file system that `folder` lies on."""
    return {
        "cpu": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{_memory_mib() // 1024} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "file system": file_system(folder),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def versions() -> dict[str, str]:
    """Of Python, SQLite and the libraries that the numbers hang on; PostgreSQL tells its own when it is asked."""
    found = {"Python": platform.python_version(), "SQLite": sqlite3.sqlite_version}
    return found | {name: version(name) for name in _PACKAGES}


def commit() -> str:
    """The commit of the tree this runs from, `+dirty` with uncommitted changes; the version where there is no tree."""
    git = shutil.which("git")
    if git is None or not (_TREE / ".git").exists():
        return f"release {version('anamnesis')}"
    head = _git(git, "rev-parse", "--short=12", "HEAD")
    return head + ("+dirty" if _git(git, "status", "--porcelain", "--untracked-files=no") else "")


def file_system(folder: Path) -> str:
    """Type and options of the mount that `folder` lies on; "unknown" where /proc tells nothing."""
    mount = _mount(folder)
    return f"{mount['type']} ({mount['options']})" if mount else "unknown"


def in_memory(folder: Path) -> bool:
    """Whether `folder` lies in memory, where an fsync costs nothing."""
    mount = _mount(folder)
    return bool(mount) and mount["type"] in ("tmpfs", "ramfs")


def _mount(folder: Path) -> Mapping[str, str]:
    path = folder.resolve()
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    found: dict[str, str] = {}
    longest = -1
    for line in lines:
        _, point, kind, options, *_ = line.split()
        if path.is_relative_to(point) and len(point) >= longest:  # the last of two mounts on one point counts
            longest, found = len(point), {"type": kind, "options": options}
    return found


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory_mib() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _git(git: str, *arguments: str) -> str:
    done = subprocess.run([git, *arguments], cwd=_TREE, capture_output=True, text=True, check=False)  # noqa: S603 - our own arguments
    return done.stdout.strip()
