"""Tells registered programs what changed. Several webhooks at once, so that a slow one holds nobody else up."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final
from uuid import UUID

from domain.services.policy import Action
from ops.bootstrap import System
from ops.jobs.caller import call_of_job
from ops.jobs.job import Job

AT_ONCE: Final = 4


def deliver_webhooks(system: System) -> int:
    """Returns how many messages were taken. Raises StoreUnavailable, KeysUnavailable."""
    service = system.services.webhooks
    due = service.due(call_of_job(system))

    def deliver(webhook_id: UUID) -> int:
        # A call each: what went to one receiver is an audit stream of its own.
        return service.deliver(call_of_job(system), webhook_id)

    if not due:
        return 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as threads:
        return sum(threads.map(deliver, due))


DELIVER_WEBHOOKS: Final = Job(
    name="deliver_webhooks",
    run=deliver_webhooks,
    minutes=None,
    seconds=frozenset(range(0, 60, 5)),
    at_start=True,
    often=True,
    actions=(Action.WEBHOOK_DELIVER,),
)
