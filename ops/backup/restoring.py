"""A restore, step by step. Each step may be repeated, and the database says which came last: whoever is killed goes on.

loaded    the events are there, marked so that no process starts
keyed     the keys are there
replayed  every erasure of the register was carried out again; only now may a key be opened
opened    the log goes on as the next incarnation, whose first record says from where and what was lost
finished  sign-ins are over, views are empty and know the incarnation they are to be built for
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from time import time_ns
from typing import Any, Final
from uuid import UUID, uuid5

from sqlalchemy import delete, make_url, update

from adapters.access.tables import process_leases, reports, sign_ins, webhooks
from adapters.db.engines import Databases, open_database, open_databases
from adapters.db.errors import translated
from adapters.db.transactions import write_transaction
from adapters.event_store.envelope import log_id
from adapters.event_store.incarnations import RESTORED, Restore, Stage, begin_restore, open_incarnation, reach
from adapters.event_store.journal import AuditedAppends
from adapters.event_store.rows import Append, CommandRow
from adapters.event_store.unsealed import SystemRecord
from adapters.log.removals import removal_facts
from adapters.log.restores import Announced, restore_facts
from adapters.views.tables import VIEWS
from domain.errors import Misconfigured
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.services.policy import Action
from ops.backup.evidence import signer_of
from ops.backup.loading import is_empty, load, move_aside
from ops.backup.planning import Copy, Plan, Wish, planned
from ops.backup.replaying import Replayed, replay
from ops.bootstrap import Part, System, build
from ops.founding import migrate
from ops.settings import Settings

REDACTED: Final = "system.redacted"
_FORMAT: Final = "anamnesis/restore/1"

Told = Callable[[Stage], None]


class LogContinued(Misconfigured):
    """Something was written between the loading and the opening of the new incarnation."""

    code = "log_continued"
    message = "The log went on while it was being restored."
    hint = "Stop every process of the deployment, and restore again into empty databases."


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did. `kept` is the last position that came from the back-up; `lost` the first and last of those that
    are known to be gone; `covered` as in Compared; `aside` is where files that were replaced lie.
    """

    incarnation: int
    kept: int
    lost: tuple[int, int] | None
    covered: int
    erased: int
    already: bool = False
    aside: Path | None = None


def restore(
    settings: Settings, wish: Wish, call_of: Callable[[System], Call], told: Told = lambda _stage: None
) -> Restored:
    """Do it, or go on with it. `told` hears of each stage once it is reached. Raises what `planned` and `build` raise, and
    StillInUse, LogContinued, OffBoxUnavailable, OffBoxConflict.
    """
    with planned(settings, wish) as plan:
        if plan.begun is not None and plan.begun.finished:
            return replace(_restored(plan, plan.begun, 0), already=True)
        aside = _move_aside(settings, plan) if wish.replace and plan.begun is None else None
        return replace(_Steps(settings, plan, told).run(call_of), aside=aside)


class _Steps:
    def __init__(self, settings: Settings, plan: Plan, told: Told) -> None:
        self._settings = settings
        self._plan = plan
        self._told = told

    def run(self, call_of: Callable[[System], Call]) -> Restored:
        standing = self._plan.begun or self._load()
        notes = self._plan.evidence.register() if self._plan.evidence else ()
        replayed = Replayed(notes=notes, redacted=())
        if standing.stage is Stage.LOADED:
            self._load_keys()
            standing = self._reached(standing, Stage.KEYED)
        for _upgrade in migrate(self._settings):
            pass
        # Also when it was reached before: what was redacted must be named by the record of this incarnation.
        if standing.stage in (Stage.KEYED, Stage.REPLAYED):
            with self._owned() as databases:
                replayed = replay(databases, notes, standing.kept)
            standing = self._reached(standing, Stage.REPLAYED)
            self._open(standing, replayed, call_of)
            standing = self._reached(standing, Stage.OPENED)
        self._settle()
        self._reached(standing, Stage.FINISHED)
        return _restored(self._plan, standing, len(notes))

    def _load(self) -> Restore:
        events = self._plan.events
        begun = Restore(
            incarnation=self._plan.compared.next_incarnation,
            backup=events.digest,
            kept=events.manifest.position,
            stage=Stage.LOADED,
            begun_at_us=time_ns() // 1000,
        )
        load(
            self._settings.events_url,
            events.folder,
            events.manifest,
            lambda connection: begin_restore(connection, begun),
        )
        self._told(Stage.LOADED)
        return begun

    def _load_keys(self) -> None:
        """Whether they are there already was asked before the events were loaded: if they are now, it was us."""
        keys = self._plan.keys
        if keys is None:
            return
        engine = open_database(self._settings.keys_url, pool_size=1)
        try:
            there = not is_empty(engine, "keys")
        finally:
            engine.dispose()
        if not there:
            load(self._settings.keys_url, keys.folder, keys.manifest, lambda _connection: None)

    def _reached(self, standing: Restore, stage: Stage) -> Restore:
        engine = open_database(self._settings.events_url, pool_size=1)
        try:
            reach(engine, standing.incarnation, stage, time_ns() // 1000)
        finally:
            engine.dispose()
        self._told(stage)
        return replace(standing, stage=stage)

    def _open(self, standing: Restore, replayed: Replayed, call_of: Callable[[System], Call]) -> None:
        deployment_id = self._plan.events.manifest.deployment_id
        facts = _facts(self._plan, standing, replayed)
        signer = signer_of(self._settings, deployment_id)
        if self._plan.evidence is not None:
            self._plan.evidence.announce(standing.incarnation, _announcement(facts, standing), signer)
        with self._owned() as databases:
            log = open_incarnation(databases.events, standing.incarnation, time_ns() // 1000)
        if signer is not None:
            facts = {
                **facts,
                **restore_facts(signer, log.name, Announced(kept=standing.kept, root=self._plan.facts.root)),
            }
        records = [_record(deployment_id, standing.incarnation, RESTORED, facts)]
        if replayed.redacted and signer is not None:
            removal = removal_facts(signer, log.name, replayed.redacted, "erasure")
            records.append(_record(deployment_id, standing.incarnation, REDACTED, removal))
        with build(self._settings, parts=Part.HOST, restoring=True) as system:
            self._write(system, standing, records, call_of(system))

    def _write(self, system: System, standing: Restore, records: Sequence[SystemRecord], call: Call) -> None:
        """The first records of the incarnation, and who restored it. Once: the command says whether they are there."""
        system.access().require(call, Action.BACKUP_RESTORE, RecordClass.ACCESS)
        command = CommandRow(id=uuid5(system.recorder.deployment_id, f"restore-command/{standing.incarnation}"))
        entry = AuditEntry(action=Action.BACKUP_RESTORE)
        rows = [system.mapper.to_row(record) for record in records]
        done = AuditedAppends(system.recorder, system.mapper).append(
            call, [entry], lambda audit: Append(rows=[*rows, *audit], command=command)
        )
        if done.first != standing.kept + 1:
            raise LogContinued(kept=standing.kept, first=done.first)

    def _settle(self) -> None:
        """Nothing of the incarnation before goes on: sign-ins, leases, and views, which are built anew."""
        with build(self._settings, parts=Part.HOST, restoring=True) as system:
            head = system.recorder.last_position()
            with self._owned() as databases, translated("events"), write_transaction(databases.events) as connection:
                connection.execute(delete(sign_ins))
                connection.execute(delete(process_leases))
                for table in (webhooks, reports):
                    connection.execute(update(table).values(leased_until_us=0))
            system.tracking.reset(VIEWS, head)

    @contextmanager
    def _owned(self) -> Iterator[Databases]:
        """With the rights of whoever signs in: the owner of the tables."""
        settings = self._settings
        with open_databases(settings.events_url, settings.keys_url, settings.views_url, pool_size=2) as databases:
            yield databases


def _move_aside(settings: Settings, plan: Plan) -> Path | None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    urls = [settings.events_url, *([settings.keys_url] if plan.keys else [])]
    moved = None
    for url in urls:
        folder = Path(make_url(url).database or "").parent / f"replaced-{stamp}"
        moved = move_aside(url, folder) or moved
    return moved.parent if moved else None


def _facts(plan: Plan, standing: Restore, replayed: Replayed) -> Mapping[str, Any]:
    """What `system.restored` says: nothing personal, and all that an outsider needs to judge the fork."""
    events: Copy = plan.events
    last = plan.compared.last
    lost = _lost(plan)
    return {
        "backup": events.digest,
        "product": metadata.version("anamnesis"),
        "from_incarnation": plan.facts.newest.incarnation,
        "log": log_id(events.manifest.deployment_id, standing.incarnation).decode(),
        "kept": standing.kept,
        "root": plan.facts.root.hex(),
        "covered": plan.compared.covered,
        "checkpoint": last.text if last else None,
        "lost": list(lost) if lost else None,
        "register": plan.evidence is not None,
        "erasures": [
            {"erasure": str(note.erasure_id), "client": str(note.client_id), "classes": [*map(str, note.classes)]}
            for note in replayed.notes
        ],
        "positions": list(replayed.redacted),
    }


def _lost(plan: Plan) -> tuple[int, int] | None:
    """From what was published: more may have been lost that no checkpoint covered."""
    last, kept = plan.compared.last, plan.events.manifest.position
    return (kept + 1, last.size) if last is not None and last.size > kept else None


def _restored(plan: Plan, standing: Restore, erased: int) -> Restored:
    return Restored(
        incarnation=standing.incarnation,
        kept=standing.kept,
        lost=_lost(plan),
        covered=plan.compared.covered,
        erased=erased,
    )


def _announcement(facts: Mapping[str, Any], standing: Restore) -> str:
    """The same for one restore however often it goes on, and another for every other. Which erasures were carried out
    stands in the log: thousands of them would not fit into a note.
    """
    whole = {name: fact for name, fact in facts.items() if name not in {"erasures", "positions"}}
    whole |= {"erasures": len(facts["erasures"]), "begun_at_us": standing.begun_at_us}
    return f"{_FORMAT}\n{json.dumps(whole, sort_keys=True, separators=(',', ':'))}\n"


def _record(deployment_id: UUID, incarnation: int, kind: str, facts: Mapping[str, Any]) -> SystemRecord:
    stream = uuid5(deployment_id, f"{kind}/{incarnation}")
    return SystemRecord(originator_id=stream, originator_version=1, timestamp=datetime.now(UTC), kind=kind, facts=facts)
