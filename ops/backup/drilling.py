"""A restore for practice: everything up to the opening of a new incarnation, in a temporary folder that is then removed."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Final

from adapters.db.engines import open_databases
from adapters.event_store.mapper import set_apart
from adapters.event_store.unsealed import Tombstone
from migrations.revisions import CHAINS
from ops.backup.errors import BackupUnfit
from ops.backup.loading import load
from ops.backup.planning import Plan, Wish, planned
from ops.backup.replaying import replay
from ops.bootstrap import Part, System, build
from ops.founding import migrate
from ops.settings import Settings

_BATCH: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Drilled:
    """`opened` events could be read with the keys of the back-up, `erased` can't by right, `set_apart` are psychotherapy
    notes, which only the API process may open.
    """

    position: int
    covered: int
    opened: int
    erased: int
    set_apart: int
    seconds: float


def drill(settings: Settings, wish: Wish, advance: Callable[[int], None] = lambda _count: None) -> Drilled:
    """Changes nothing of the deployment, and nothing off the box. Back-ups of PostgreSQL need a server: restore those into
    empty databases instead. Raises what a restore raises, and SealBroken or KeyMissing for an event that does not open.
    """
    began = monotonic()
    if not settings.events_url.startswith("sqlite"):
        raise BackupUnfit("A drill makes files; practise on PostgreSQL by restoring into new, empty databases.")
    with tempfile.TemporaryDirectory(prefix="anamnesis-drill-") as folder:
        elsewhere = _in(settings, Path(folder))
        with planned(elsewhere, wish) as plan:
            _load(elsewhere, plan)
            with build(elsewhere, parts=Part.HOST) as system:
                opened, erased, apart = _read(system, advance)
            return Drilled(
                position=plan.facts.position,
                covered=plan.compared.covered,
                opened=opened,
                erased=erased,
                set_apart=apart,
                seconds=monotonic() - began,
            )


def _in(settings: Settings, folder: Path) -> Settings:
    """The same keys and the same place off the box; the databases all in one folder, as only a drill may have them."""
    events, keys, views = (f"sqlite:///{folder / chain}.db" for chain in CHAINS)
    return replace(settings, mode="development", events_url=events, keys_url=keys, views_url=views)


def _load(settings: Settings, plan: Plan) -> None:
    for url, copy in ((settings.events_url, plan.events), (settings.keys_url, plan.keys)):
        if copy is not None:
            load(url, copy.folder, copy.manifest, lambda _connection: None)
    for _upgrade in migrate(settings):
        pass
    with open_databases(settings.events_url, settings.keys_url, settings.views_url, pool_size=2) as databases:
        replay(databases, plan.evidence.register() if plan.evidence else (), plan.facts.position)


def _read(system: System, advance: Callable[[int], None]) -> tuple[int, int, int]:
    """Every event by its key."""
    opened = erased = apart = after = 0
    while rows := system.recorder.read_log(after, _BATCH):
        for row in rows:
            if set_apart(row):
                apart += 1
            elif isinstance(system.mapper.to_event(row), Tombstone):
                erased += 1
            else:
                opened += 1
        after = rows[-1].position
        advance(len(rows))
    return opened, erased, apart
