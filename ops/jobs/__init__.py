"""The jobs of the worker, one a file."""

from collections.abc import Sequence
from typing import Final

from ops.jobs.checkpoint import PUBLISH_CHECKPOINT
from ops.jobs.deliver_webhooks import DELIVER_WEBHOOKS
from ops.jobs.discard_stale_drafts import DISCARD_STALE_DRAFTS
from ops.jobs.erase import ERASE, SWEEP_ERASURES
from ops.jobs.job import Job
from ops.jobs.projection_health import PROJECTION_HEALTH
from ops.jobs.reports import MAKE_REPORT, SWEEP_REPORTS
from ops.jobs.retention import SWEEP_RETENTION
from ops.jobs.sweep_exceptional_access import SWEEP_EXCEPTIONAL_ACCESS
from ops.jobs.sweep_orphan_keys import SWEEP_ORPHAN_KEYS
from ops.jobs.sweep_worklist import SWEEP_WORKLIST

JOBS: Final[Sequence[Job]] = (
    DELIVER_WEBHOOKS,
    DISCARD_STALE_DRAFTS,
    ERASE,
    MAKE_REPORT,
    PROJECTION_HEALTH,
    PUBLISH_CHECKPOINT,
    SWEEP_EXCEPTIONAL_ACCESS,
    SWEEP_ORPHAN_KEYS,
    SWEEP_ERASURES,
    SWEEP_REPORTS,
    SWEEP_RETENTION,
    SWEEP_WORKLIST,
)
