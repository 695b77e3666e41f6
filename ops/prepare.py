"""A step of the demo, in a process of its own so that its memory is given back: keys, tables, samples, passwords.

Writes one JSON object a line to stdout, for ops.demo: {"step": "founded"}, {"step": "loading", "total": n},
{"step": "loaded_more", "count": n}, {"step": "sign_ins", "sign_ins": [...]}, or {"step": "failed", ...}.
"""

import json
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any

from adapters.event_store.recorder import Recorder
from adapters.keys.errors import RootKeyExists
from adapters.log.checkpoints import key_name
from adapters.log.key_file import LogKeyExists, create_signer
from domain.errors import AnamnesisError
from ops.bootstrap import Part, System, build
from ops.demo_state import DemoState, NotADemo, read_state
from ops.founding import create_root_keys, migrate
from ops.logging import configure
from ops.samples.load import SampleLoader
from ops.samples.people import PEOPLE, password
from ops.settings import Settings, debugging
from ops.verifying.database import events_database

_writing = Lock()


def main() -> None:
    """Exit code 1 when it failed; the last line says why."""
    try:
        _prepare(Settings.load())
    except AnamnesisError as error:
        if debugging():
            raise
        _tell("failed", code=error.code, text=error.detail, hint=error.hint, facts=dict(error.facts))
        sys.exit(1)


def _prepare(settings: Settings) -> None:
    configure("warning", process="prepare", terminal=False)
    state = read_state(settings.data_dir)
    if state is None:
        raise NotADemo(path=settings.data_dir)
    for _upgrade in migrate(settings):
        pass
    with suppress(RootKeyExists):
        for _created in create_root_keys(settings):
            pass
    _make_log_key(settings)
    _tell("founded")
    with build(settings, parts=Part.HOST) as system:
        loader = _loader(system, state)
        loader.load(lambda total: _tell("loading", total=total), lambda count: _tell("loaded_more", count=count))
        _tell("sign_ins", sign_ins=_fresh_sign_ins(system, loader), position=system.recorder.last_position())


def _make_log_key(settings: Settings) -> None:
    """What checkpoints are signed with, and where they go, before the worker looks for either."""
    if settings.off_box is not None:
        Path(settings.off_box).mkdir(mode=0o700, exist_ok=True)
    with events_database(settings) as engine, suppress(LogKeyExists):
        create_signer(settings.log_key_file, key_name(Recorder(engine).deployment_id))


def _loader(system: System, state: DemoState) -> SampleLoader:
    return SampleLoader(
        system.services,
        system.imports(),
        system.ledger,
        system.clock,
        system.ids,
        seed=state.seed,
        today=state.began,
        zone=system.settings.clinic_zone,
    )


def _fresh_sign_ins(system: System, loader: SampleLoader) -> list[dict[str, Any]]:
    """A new password for every account; sign-ins of earlier runs end. Disabled accounts stay so, and get none."""
    told = []
    for person in PEOPLE:
        new = password()
        try:
            system.services.accounts.reset_password(loader.host_call(), loader.account_id(person), new)
        except AnamnesisError as error:
            if error.code != "account_disabled":
                raise
            new = ""
        told.append({"who": person.key, "role": person.role.value, "login": person.login, "password": new})
    return told


def _tell(step: str, **facts: Any) -> None:
    with _writing:
        sys.stdout.write(json.dumps({"step": step} | facts) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
