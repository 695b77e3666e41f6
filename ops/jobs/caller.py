"""Who asks when a job runs: the worker itself, as a service."""

from typing import Final
from uuid import NAMESPACE_URL, uuid5

from domain.ports.call import Actor, Call, Purpose, Role
from ops.bootstrap import System

WORKER: Final = Actor(id=uuid5(NAMESPACE_URL, "anamnesis:worker"), role=Role.SERVICE)


def call_of_job(system: System) -> Call:
    """A call for one run of a job; its audit entries name the worker."""
    return Call(
        actor=WORKER,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="worker",
        purpose=Purpose.OPERATIONS,
    )
