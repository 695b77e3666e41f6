"""The machine: Python, settings, the data folder, disk space, time, the port."""

import errno
import os
import shutil
import stat
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import urlopen
from zoneinfo import ZoneInfo

from ops.checks.finding import Finding, broken, warning
from ops.ports import AddressUnusable, PortInUse, check_free, reachable
from ops.settings import Settings, unknown_names

_LOW_BYTES: Final = 1 << 30
_NONE_BYTES: Final = 100 << 20
_JUMP_S: Final = 0.05
_EARLIEST: Final = 1_767_225_600  # 2026-01-01: no release is older
_PATIENCE_S: Final = 1.0


def python(_settings: Settings) -> Iterator[Finding]:
    """Which one runs; one that is too old doesn't get as far as here."""
    version = ".".join(str(part) for part in sys.version_info[:3])
    yield Finding(part="python", text=f"Python {version}, anamnesis {metadata.version('anamnesis')}.")


def names(_settings: Settings) -> Iterator[Finding]:
    for name, meant in unknown_names():
        mend = f"Did you mean {meant}?" if meant else "Remove it; docs/operations.md lists the names there are."
        yield warning("settings", "setting_unknown", f"{name} is not a setting.", mend)


def data_folder(settings: Settings) -> Iterator[Finding]:
    """Whether it is there, ours, closed to others, with room left."""
    folder = settings.data_dir
    try:
        found = folder.stat()
    except OSError as exc:
        missing = exc.errno in (errno.ENOENT, errno.ENOTDIR)
        text = f"The data folder {folder} {'does not exist' if missing else 'can not be looked into'}."
        yield broken("data folder", "data_folder_missing", text, "Run `anamnesis migrate`, or set ANAMNESIS_DATA_DIR.")
        return
    if not stat.S_ISDIR(found.st_mode):
        mend = "Set ANAMNESIS_DATA_DIR to a folder."
        yield broken("data folder", "data_folder_missing", f"{folder} is not a folder.", mend)
        return
    yield from _folder_rights(folder, found)
    yield from _disk(folder)
    yield from _open_files(folder)


def _folder_rights(folder: Path, found: os.stat_result) -> Iterator[Finding]:
    if found.st_uid != os.geteuid():
        text = f"The data folder belongs to user {found.st_uid}; this is user {os.geteuid()}."
        yield broken(
            "data folder", "data_folder_not_ours", text, f"Run as that user, or: chown -R {os.geteuid()} {folder}"
        )
    elif not os.access(folder, os.W_OK | os.X_OK):
        text = "The data folder can't be written into."
        yield broken("data folder", "data_folder_read_only", text, f"Run: chmod 700 {folder} (and look at its mount)")
    elif stat.S_IMODE(found.st_mode) & 0o077:
        text = f"Others on this machine may look into the data folder (mode {stat.S_IMODE(found.st_mode):04o})."
        yield broken("data folder", "data_folder_open", text, f"Run: chmod 700 {folder}")
    else:
        yield Finding(part="data folder", text=f"{folder}, closed to others.")


def _disk(folder: Path) -> Iterator[Finding]:
    free = shutil.disk_usage(folder).free
    text = f"{free / (1 << 30):,.1f} GiB are free where the data lies."
    if free < _NONE_BYTES:
        yield broken("disk", "disk_full", text, "Free or add disk space; writes fail when there is none.")
    elif free < _LOW_BYTES:
        yield warning("disk", "disk_low", text, "Free or add disk space soon.")
    else:
        yield Finding(part="disk", text=text)


def _open_files(folder: Path) -> Iterator[Finding]:
    """Files that others may read, two levels deep: databases, logs. Root keys have a check of their own."""
    wide = [path for path in (*folder.glob("*"), *folder.glob("*/*")) if path.suffix != ".key" and _is_open(path)]
    if wide:
        text = f"Others on this machine may read {len(wide)} file(s), the first is {wide[0]}."
        yield broken("files", "file_open", text, f"Run: chmod 600 {wide[0]}")


def _is_open(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and bool(stat.S_IMODE(found.st_mode) & 0o077)


def clock(settings: Settings) -> Iterator[Finding]:
    """Whether wall time is plausible, moves as monotonic time does, and zones are known."""
    wall_s, steady_s = time.time(), time.monotonic()
    time.sleep(0.1)
    jump_s = abs((time.time() - wall_s) - (time.monotonic() - steady_s))
    mend = "Let NTP keep the clock (for example chrony), and look at it before recording anything."
    if time.time() < _EARLIEST:
        yield broken("clock", "clock_wrong", "The clock shows a time before this release was made.", mend)
    elif jump_s > _JUMP_S:
        yield warning("clock", "clock_jumps", f"The clock was moved by {jump_s:.2f} s while it was watched.", mend)
    else:
        yield Finding(part="clock", text=f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime())} UTC, steady.")
    try:
        ZoneInfo("Europe/Berlin")
    except (OSError, KeyError, ValueError):
        mend = "Install the Python package `tzdata`."
        yield broken("time zones", "zones_missing", "There are no time zone data on this machine.", mend)
    else:
        yield Finding(part="time zones", text=f"Known; the clinic's is {settings.clinic_zone}.")


def port(settings: Settings) -> Iterator[Finding]:
    """Whether `serve` could listen, or is it that listens."""
    where = f"{settings.host}:{settings.port}"
    try:
        check_free(settings.host, settings.port)
    except PortInUse as error:
        if _is_ours(settings):
            yield Finding(part="port", text=f"{where}: `anamnesis serve` answers.")
        else:
            yield broken("port", error.code, f"Another program listens on {where}.", error.hint)
    except AddressUnusable as error:
        yield Finding.of("port", error)
    else:
        yield Finding(part="port", text=f"{where} is free for `anamnesis serve`.")


def _is_ours(settings: Settings) -> bool:
    try:
        with urlopen(f"http://{reachable(settings.host, settings.port)}/livez", timeout=_PATIENCE_S) as answer:
            return bool(answer.status == 200)
    except (HTTPError, URLError, OSError, ValueError):
        return False
