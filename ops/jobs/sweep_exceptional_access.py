"""Reviews that are overdue: whoever got into a chart past its team must not be forgotten."""

from typing import Final

import structlog

from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

_log = structlog.get_logger("ops.jobs.sweep_exceptional_access")


def sweep_exceptional_access(system: System) -> int:
    """Returns how many are overdue. Raises StoreUnavailable, KeysUnavailable."""
    overdue = system.services.exceptional_access.sweep(call_of_job(system))
    if overdue:
        _log.error("Ways into charts past their teams wait too long for a review", count=overdue)
    return overdue


SWEEP_EXCEPTIONAL_ACCESS: Final = Job(
    name="sweep_exceptional_access",
    run=sweep_exceptional_access,
    minutes=frozenset({15}),
    actions=(Action.BREAK_GLASS_SWEEP,),
)
"""Every hour."""
