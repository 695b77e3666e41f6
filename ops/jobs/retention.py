"""The end of retention, once a day: what must go is asked for, and carried out by the sweep of erasures."""

from typing import Final

from domain.services.policy import Action
from ops.bootstrap import System
from ops.erasing import retention
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job


def sweep_retention(system: System) -> int:
    """Returns how many erasures were asked for. Raises StoreUnavailable, KeysUnavailable, OffBoxMissing."""
    return len(retention(system).sweep(call_of_job(system)))


SWEEP_RETENTION: Final = Job(
    name="sweep_retention",
    run=sweep_retention,
    hours=frozenset({2}),
    minutes=frozenset({17}),
    actions=(Action.RETENTION_SWEEP,),
)
