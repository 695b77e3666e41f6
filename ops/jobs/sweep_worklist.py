"""What waits too long: derives what the work list follows from, and passes up risk flags that nobody took on in time.

It looks again only at charts that have changed, so it may come often: an imminent danger must be taken on within the hour.
"""

from typing import Final

import structlog

from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

_log = structlog.get_logger("ops.jobs.sweep_worklist")


def sweep_worklist(system: System) -> int:
    """Returns how many clients it looked at. Raises StoreUnavailable, ViewBehind, KeysUnavailable."""
    swept = system.services.worklist.sweep(call_of_job(system))
    if swept.escalated:
        _log.warning("Risk flags were passed up: nobody took them on in time", count=swept.escalated)
    if swept.unread:
        _log.error(
            "Charts or flags could not be read for the work list; try `anamnesis rebuild-views`", count=swept.unread
        )
    return swept.clients


SWEEP_WORKLIST: Final = Job(
    name="sweep_worklist",
    run=sweep_worklist,
    minutes=frozenset(range(0, 60, 5)),
    seconds=frozenset({30}),
    actions=(Action.WORKLIST_SWEEP, Action.RISK_FLAG_ESCALATE_OVERDUE),
)
"""Every five minutes."""
