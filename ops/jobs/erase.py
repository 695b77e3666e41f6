"""Erasures: carried out when they are asked for, when they are due, and to their end after a crash."""

from typing import Final
from uuid import UUID

import structlog

from domain.errors import Unavailable
from domain.services.erasing import carried_out
from domain.services.policy import Action
from ops.bootstrap import System
from ops.erasing import erasing
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

_log = structlog.get_logger("ops.jobs.erase")


def erase(system: System, erasure_id: str) -> int:
    """1 when it is over now. Raises Unavailable, UnderLegalHold, OffBoxMissing, ValueError for what is no id."""
    done, error = carried_out(erasing(system), call_of_job(system), UUID(erasure_id))
    if error is not None:
        raise error
    return done


def sweep_erasures(system: System) -> int:
    """What Redis lost, what has become due, what a worker died over; how many are over now. One that can't go on (a hold,
    say) keeps none of the others. Raises Unavailable once all the others were seen to.
    """
    service = erasing(system)
    done, unavailable = 0, None
    for erasure_id in service.due(call_of_job(system)):
        over, error = carried_out(service, call_of_job(system), erasure_id)
        done += over
        if isinstance(error, Unavailable):
            unavailable = error
        elif error is not None:
            _log.warning("An erasure waits", code=error.code)
    if unavailable is not None:
        raise unavailable
    return done


ERASE: Final = Job(name="erase", run=erase, queued=True, actions=(Action.ERASURE_CARRY_OUT,))
SWEEP_ERASURES: Final = Job(
    name="sweep_erasures",
    run=sweep_erasures,
    minutes=frozenset(range(2, 60, 5)),
    at_start=True,
    often=True,
    actions=(Action.ERASURE_CARRY_OUT,),
)
