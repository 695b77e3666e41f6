"""From a reader and trusted checkpoints to a report."""

from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from adapters.log.checkpoints import SignedCheckpoint
from adapters.log.notes import VerifierKey
from ops.verifying.findings import Findings, Kind, Report
from ops.verifying.reader import LogReader, Opening
from ops.verifying.segments import Anchor
from ops.verifying.walk import Walk

_NO_DEPLOYMENT: Final = UUID(int=0)


def verify_log(
    reader: LogReader,
    checkpoints: Sequence[SignedCheckpoint] = (),
    *,
    keys: Sequence[VerifierKey] = (),
    cosigned: int = 0,
    progress: Callable[[int], None] = lambda _rows: None,
) -> Report:
    """Re-derive everything from the rows and hold it against the checkpoints, whose signatures were checked before.

    `keys` are those of the log, for records of removals; `cosigned` is only passed on. `progress` is told how many rows
    more were read. Raises StoreUnavailable when the database can't be read.
    """
    findings = Findings()
    openings = reader.openings()
    anchors = [Anchor(one.checkpoint.size, one.checkpoint.incarnation, one.checkpoint.root) for one in checkpoints]
    deployments = {one.checkpoint.deployment for one in checkpoints} or {each.deployment for each in openings}
    walk = Walk(reader, min(deployments, default=_NO_DEPLOYMENT), anchors, keys, findings)
    for rows in reader.rows():
        walk.take(rows)
        progress(len(rows))
    walk.end()
    _check_openings(openings, deployments, walk, findings)
    return Report(
        rows=walk.ends.rows,
        last_position=walk.ends.last_position,
        covered=walk.segments.covered,
        cosigned=cosigned,
        checkpoints=len(checkpoints),
        findings=tuple(findings.listed()),
    )


def _check_openings(openings: Sequence[Opening], deployments: set[UUID], walk: Walk, findings: Findings) -> None:
    """What the database says of its incarnations against where they begin in the rows."""
    said = {each.incarnation: each.first_position for each in openings}
    crossings = walk.ends.crossings
    for incarnation in {*said, *crossings}:
        first = said.get(incarnation)
        # An incarnation that was opened and hasn't written yet begins right behind the last row.
        if first != crossings.get(incarnation, walk.ends.last_position + 1):
            findings.add(Kind.FORKED, crossings.get(incarnation) or first or 0, "incarnations")
    if len(deployments | {each.deployment for each in openings}) > 1:
        findings.add_range(Kind.FORKED, 1, walk.ends.last_position, "deployment")
