"""Reports made in the background, as they are asked for and told of."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import In, Out, Rfc3339, example
from domain.ports.reports import ReportState
from domain.progress.report import By
from domain.services.reports import ReportFormat

_ID: Final = "01950f2e-6d3a-7001-8f00-00000000000d"
_JOB: Final = {
    "id": _ID,
    "client_id": "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10",
    "format": "application/pdf",
    "state": "ready",
    "failure": "",
    "requested_at": "2026-03-02T10:03:00Z",
    "finished_at": "2026-03-02T10:03:01Z",
    "expires_at": "2026-03-09T10:03:01Z",
}


class ReportIn(In):
    """The period is `since` to `until`, or so far back from `until`: `90d`, `12w`, `6m`, `2y`; without an end, or with one
    beyond now, it ends with the current day of the clinic, without a beginning it is six months. `named` says whether a PDF tells the client's name.
    """

    format: ReportFormat
    since: Rfc3339 | None = None
    until: Rfc3339 | None = None
    look_back: Annotated[str, Field(min_length=2, max_length=8)] | None = None
    by: By | None = None
    named: bool = True

    model_config = example(
        {
            "format": "application/pdf",
            "since": "2026-01-01T00:00:00+01:00",
            "until": None,
            "look_back": None,
            "by": "month",
            "named": True,
        }
    )


class ReportJobOut(Out):
    """`state` is queued, running, ready or failed; `failure` then a code. After `expires_at` it is gone."""

    id: UUID
    client_id: UUID
    format: ReportFormat
    state: ReportState
    failure: str
    requested_at: Rfc3339
    finished_at: Rfc3339 | None
    expires_at: Rfc3339

    model_config = example(_JOB)


class ReportJobsOut(Out):
    items: tuple[ReportJobOut, ...]

    model_config = example({"items": [_JOB]})
