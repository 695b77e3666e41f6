"""Drafts that nobody touched for a month are forgotten work; unfinished notes must not pile up beside the record."""

from datetime import timedelta
from typing import Final

from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job


def discard_stale_drafts(system: System) -> int:
    """Each with its audit entry; returns how many. Raises StoreUnavailable."""
    call = call_of_job(system)
    return system.services.drafts.discard_stale(call, call.at - timedelta(days=system.settings.draft_days))


DISCARD_STALE_DRAFTS: Final = Job(
    name="discard_stale_drafts",
    run=discard_stale_drafts,
    minutes=frozenset({7}),
    actions=(Action.DRAFT_DISCARD_STALE,),
)
