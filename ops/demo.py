"""A whole system in one folder: Redis, API, projections and worker as children of one supervisor, with sample clients."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.error import URLError
from urllib.request import urlopen
from zoneinfo import ZoneInfo

from domain.errors import Misconfigured, Unavailable
from ops import tether
from ops.console import Voice
from ops.demo_state import locked, open_state, read_state
from ops.demo_welcome import welcome
from ops.embedded_redis import EmbeddedRedis
from ops.ports import check_free, reachable
from ops.saying import saying
from ops.settings import Settings
from ops.supervisor import Child, Ended, Supervisor

_READY_S: Final = 60.0
_DRAIN_S: Final = 3
_ZONE: Final = "Europe/Berlin"
"""Where the invented practice is."""
_POLL_S: Final = 0.05
_REACHED: Final = re.compile(r"^anamnesis_projection_position\{.*\} (\S+)$", re.MULTILINE)
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class DemoNotReady(Unavailable):
    code = "demo_not_ready"
    message = "The demo did not become ready in time."


class PreparationFailed(Misconfigured):
    """What the preparing child said; the code is its error's."""

    code = "preparation_failed"
    message = "The demo's data could not be prepared."


class _Asked(BaseException):
    """SIGINT, SIGTERM or SIGHUP: end everything, in order."""


def run(settings: Settings, speaker: Voice, *, until_ready: bool = False) -> None:
    """Until Ctrl-C or SIGTERM, or until it was ready once.

    Raises NotADemo, DemoRunning, PortInUse, AddressUnusable, RedisMissing, PreparationFailed, DemoNotReady.
    """
    with locked(settings.data_dir):
        check_free(settings.host, settings.port)
        _, fresh = open_state(settings.data_dir, datetime.now(ZoneInfo(_ZONE)).date())
        redis = EmbeddedRedis.under(settings.data_dir)
        demo = Demo(own_settings(settings, redis), redis, speaker)
        try:
            for number in _SIGNALS:
                signal.signal(number, _ask)
            demo.start(fresh=fresh)
            while not until_ready:
                demo.supervisor.watch(60.0)
        except _Asked:
            speaker.say("stopping", "\nEnding …")
        finally:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN)
            demo.stop()
        speaker.say("stopped", "The demo has ended. Start it again to continue where it was.")


def _ask(_number: int, _frame: object) -> NoReturn:
    raise _Asked


def _inside(folder: Path, addresses: Sequence[str]) -> tuple[str, ...]:
    """Root keys of the demo's own, should one be replaced there."""
    return tuple(address for address in addresses if address.startswith(f"file:{folder}/"))


def own_settings(settings: Settings, redis: EmbeddedRedis) -> Settings:
    """The demo never touches other databases than those in its folder, whatever the environment names."""
    plain = Settings.load({"ANAMNESIS_DATA_DIR": str(settings.data_dir)})
    return replace(
        settings,
        events_url=plain.events_url,
        keys_url=plain.keys_url,
        views_url=plain.views_url,
        root_key_file=plain.root_key_file,
        notes_root_key_file=plain.notes_root_key_file,
        root_key=_inside(settings.data_dir, settings.root_key),
        notes_root_key=_inside(settings.data_dir, settings.notes_root_key),
        log_key_file=plain.log_key_file,
        off_box=str(settings.data_dir.absolute() / "off-box"),
        mode=plain.mode,
        redis_url=redis.url,
        clinic_zone=_ZONE,
        second_factor_roles=("none",),
        workers=1,
        drain_s=_DRAIN_S,
    )


def seen_from_inside(settings: Settings) -> Settings:
    """For other commands: a demo's own settings, when the data folder is a demo's."""
    redis = EmbeddedRedis.used_in(settings.data_dir)
    return own_settings(settings, redis) if redis and read_state(settings.data_dir) else settings


class Demo:
    """The children of one run."""

    def __init__(self, settings: Settings, redis: EmbeddedRedis, speaker: Voice) -> None:
        self._settings = settings
        self._redis = redis
        self._speaker = speaker
        self._logs = settings.data_dir / "logs"
        self.supervisor = Supervisor(settings.environment(), self._report)

    def start(self, *, fresh: bool) -> None:
        """Until everything answers and the sign-ins are told."""
        began = time.monotonic()
        self._logs.mkdir(mode=0o700, exist_ok=True)
        redis = Child(name="redis", command=self._redis.command(), log=self._logs / "redis.log", grace_s=5)
        self.supervisor.start(redis)
        sign_ins, position = self._prepare()
        with self._speaker.wait("Waiting until everything answers …"):
            self._await_ready(position)
        welcome(self._speaker, self._settings, sign_ins, fresh=fresh, seconds=time.monotonic() - began)

    def stop(self) -> None:
        """End the children, in order."""
        if killed := self.supervisor.stop():
            self._speaker.warn("killed", f"Had to be killed: {', '.join(killed)}.", parts=killed)
        self._redis.tidy()

    def _prepare(self) -> tuple[list[dict[str, Any]], int]:
        """Let a child make keys, tables and samples; the others start as soon as there are tables."""
        sign_ins: list[dict[str, Any]] = []
        position = 0
        advance: Callable[[int], None] = _ignore
        with ExitStack() as shown, self._preparing() as lines:
            shown.enter_context(self._speaker.wait("Preparing keys and databases …"))
            for told in lines:
                match told["step"]:
                    case "founded":
                        self._start_processes()
                    case "loading":
                        shown.pop_all().close()
                        advance = shown.enter_context(self._speaker.track("samples", "Sample clients", told["total"]))
                    case "loaded_more":
                        advance(told["count"])
                    case "sign_ins":
                        sign_ins, position = told["sign_ins"], told["position"]
                    case "failed":
                        raise _failure(told)
        if not sign_ins:
            raise PreparationFailed(log=self._logs / "prepare.log")
        return sign_ins, position

    @contextmanager
    def _preparing(self) -> Iterator[Iterator[dict[str, Any]]]:
        command = [sys.executable, "-I", "-S", tether.__file__, str(os.getpid())]
        command += [sys.executable, "-P", "-m", "ops.prepare"]
        log = os.open(self._logs / "prepare.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            process = subprocess.Popen(  # noqa: S603 - a program of our own installation
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._settings.environment(),
                start_new_session=True,
            )
        finally:
            os.close(log)
        try:
            yield (json.loads(line) for line in process.stdout or ())
        finally:
            process.terminate()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()

    def _start_processes(self) -> None:
        for name in ("serve", "project", "worker"):
            command = [sys.executable, "-P", "-m", "ops.cli", name]
            log = self._logs / f"{name}.log"
            self.supervisor.start(Child(name=name, command=command, log=log, grace_s=_DRAIN_S + 2))

    def _await_ready(self, position: int) -> None:
        deadline = time.monotonic() + _READY_S
        while not _ready(self._settings, position):
            if time.monotonic() > deadline:
                raise DemoNotReady(logs=self._logs)
            self.supervisor.watch(_POLL_S)

    def _report(self, ended: Ended) -> None:
        text = f"`{ended.name}` ended (exit {ended.exit_code}); it starts again in {ended.pause_s:g} s. See {ended.log}"
        self._speaker.warn("child_ended", text, name=ended.name, exit=ended.exit_code, pause_s=ended.pause_s)


def _ready(settings: Settings, position: int) -> bool:
    """Whether every part answers, and the views show what was written up to `position`."""
    where = reachable(settings.host, settings.port)
    try:
        with urlopen(f"http://{where}/readyz", timeout=2.0) as answer:
            if json.load(answer)["status"] != "ready":
                return False
        with urlopen(f"http://{where}/metrics", timeout=2.0) as answer:
            reached = _REACHED.findall(answer.read().decode())
    except (URLError, OSError, ValueError):
        return False
    return bool(reached) and min(float(one) for one in reached) >= position


def _failure(told: dict[str, Any]) -> PreparationFailed:
    facts = {name: value for name, value in told["facts"].items() if name not in ("args", "code")}
    return saying(PreparationFailed(told["text"], **facts), code=told["code"], hint=told["hint"])


def _ignore(_count: int) -> None:
    """Nothing to show yet."""
