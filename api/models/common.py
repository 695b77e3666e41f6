"""Shapes that several resources share. What comes in is read strictly: no coercion, no unknown fields."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.model.checks import ImpossibleTime
from domain.model.values import MomentInZone, UnknownZone, ZonelessTime

# The domain checks these; the document says so, for people and for tools that make up requests.
_NO_NUL: Final = {"pattern": "^[^\\u0000]*$"}
_ZONELESS: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)
_RFC3339: Final = re.compile(_ZONELESS.pattern + r"([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ONE_LINE: Final = {"pattern": "^[^\\u0000-\\u001f\\u007f-\\u009f\\u2028\\u2029]*$"}


class In(BaseModel):
    """A body, or part of one."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Out(BaseModel):
    """An answer, or part of one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Summary = Annotated[str, StringConstraints(min_length=1, max_length=100_000), Field(json_schema_extra={**_NO_NUL})]
LongText = Annotated[str, StringConstraints(max_length=20_000), Field(json_schema_extra={**_NO_NUL})]
Reason = Annotated[str, StringConstraints(min_length=1, max_length=2_000), Field(json_schema_extra={**_NO_NUL})]
Line = Annotated[str, StringConstraints(max_length=300), Field(json_schema_extra={**_ONE_LINE})]
Label = Annotated[str, StringConstraints(min_length=1, max_length=200), Field(json_schema_extra={**_ONE_LINE})]
Rfc3339 = Annotated[
    str, StringConstraints(min_length=16, max_length=40), Field(json_schema_extra={"format": "date-time"})
]


def example(shown: Any) -> ConfigDict:
    """For `model_config`: what the model looks like filled in. Sample people are made up."""
    return ConfigDict(json_schema_extra={"examples": [shown]})


class MomentIn(In):
    """When something took place: an instant with its offset (RFC 3339), and the zone it happened in.

    `local` may be sent back as a read gave it; it must then be the same instant.
    """

    instant: Rfc3339
    zone: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    local: Rfc3339 | None = None

    model_config = example({"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"})

    def moment(self, field: str) -> MomentInZone:
        """Raises ZonelessTime, UnknownZone, ImpossibleTime, naming the field."""
        try:
            moment = MomentInZone.of(self.instant, self.zone, f"{field}.instant")
            if self.local is not None and MomentInZone.of(self.local, self.zone, f"{field}.local") != moment:
                raise ImpossibleTime("instant and local are not the same time.", field=f"{field}.local")
        except UnknownZone as exc:
            raise UnknownZone(exc.detail, field=f"{field}.zone") from None
        return moment


class MomentOut(Out):
    """`instant` in UTC; `local` as the clock on the wall showed it there, with the offset it had then; the IANA zone."""

    instant: Rfc3339
    local: Rfc3339 | None
    zone: str

    model_config = example(
        {"instant": "2026-03-02T09:00:00Z", "local": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"}
    )


class ReasonIn(In):
    """Why. It is kept with the record, never in logs."""

    reason: Reason

    model_config = example({"reason": "Written into the wrong chart."})


class ReceiptOut(Out):
    """What a write answers: the thing it concerns, the version it now has (also the ETag), and the write's position."""

    id: UUID | None
    version: int
    position: int

    model_config = example({"id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10", "version": 1, "position": 1042})


class MarkedOut(Out):
    """Records that may be of substance-use treatment (42 CFR Part 2). Those that are say so, and carry the notice that goes
    along with them wherever they go; others say neither.
    """

    substance_use: bool = False
    notices: tuple[str, ...] = ()


class FaultOut(Out):
    location: str
    pointer: str
    code: str
    message: str


class ProblemOut(Out):
    """RFC 9457. `code` is stable; `facts` hold ids and limits; `errors` name fields, never what was sent."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    hint: str
    facts: dict[str, str]
    request_id: UUID
    errors: tuple[FaultOut, ...] = ()


def instant(text: str, field: str) -> datetime:
    """RFC 3339 text with an offset, as UTC. Raises ZonelessTime, ImpossibleTime, naming the field."""
    if _ZONELESS.fullmatch(text):
        raise ZonelessTime(f"{field} has no offset.", field=field)
    if not _RFC3339.fullmatch(text):
        raise ImpossibleTime(f"{field} must look like 2026-03-02T10:00:00+01:00 (RFC 3339).", field=field)
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ImpossibleTime(f"{field} names a day or hour that does not exist.", field=field) from None
