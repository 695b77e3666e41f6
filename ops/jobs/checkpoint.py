"""Publishes a checkpoint every few minutes, where a signing key is set up and something was stored since the last."""

from typing import Final

import structlog

from domain.errors import AnamnesisError
from domain.ports.log import LogForked, PublishingNotSetUp
from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

_SLACK_S: Final = 20
"""Times of jobs are not exact: without it every other one would come a moment too early."""
_log = structlog.get_logger("ops.jobs.checkpoint")


def publish_checkpoint(system: System) -> int:
    """Returns how many were published, 0 or 1. What goes wrong is told, and tried again at the next time: the queue must
    not pile up tries while a place is away.
    """
    every_s = system.settings.checkpoint_minutes * 60 - _SLACK_S
    try:
        publication = system.services.log.publish(call_of_job(system), every_s=every_s)
    except PublishingNotSetUp:
        return 0
    except AnamnesisError as error:
        tell = _log.error if isinstance(error, LogForked) else _log.warning
        tell("No checkpoint was published", code=error.code, hint=error.hint)
        return 0
    if publication is None or not publication.fresh:
        return 0
    _log.info("A checkpoint was published", position=publication.checkpoint.size, count=publication.cosignatures)
    return 1


PUBLISH_CHECKPOINT: Final = Job(
    name="publish_checkpoint",
    run=publish_checkpoint,
    minutes=None,
    at_start=True,
    often=True,
    actions=(Action.LOG_CHECKPOINT,),
)
"""Every minute: the job itself looks whether it is time, by ANAMNESIS_CHECKPOINT_MINUTES."""
