"""Policies: read from JSON, checked, and asked when a record may go and when it must."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any, Final, Self

from domain.errors import Misconfigured
from domain.ports.keys import RecordClass

KEPT: Final = frozenset(
    (
        RecordClass.JOURNAL,
        RecordClass.MEASURES,
        RecordClass.IDENTITY,
        RecordClass.SUD,
        RecordClass.NOTES,
        RecordClass.SUD_NOTES,
        RecordClass.AUDIT,
    )
)
"""Classes that a policy must speak of. Others follow from these, or are keys of the house."""
_YEARS_MOST: Final = 120
_FIELDS: Final = frozenset(
    ("class", "minimum_years", "minimum_years_after_majority", "maximum_years", "basis", "citation")
)


class RetentionPolicyInvalid(Misconfigured):
    code = "retention_policy_invalid"
    message = "The retention policy can't be used."
    hint = "docs/retention.md shows the shape; the file is named by ANAMNESIS_RETENTION_POLICY."


class Early(StrEnum):
    """What happens to a wish to erase before the minimum is over."""

    REFUSE = "refuse"
    DEFER = "defer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Years count from the last entry of the client's record; `maximum_years` None keeps without end."""

    record_class: RecordClass
    minimum_years: int
    minimum_years_after_majority: int
    maximum_years: int | None
    basis: str
    citation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Of one class of one client: must be kept until, and must go from; None where nothing says so."""

    record_class: RecordClass
    kept_until: date
    gone_from: date | None
    basis: str


@dataclass(frozen=True, slots=True)
class Policies:
    early: Early
    majority_years: int
    classes: Mapping[RecordClass, Policy]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises RetentionPolicyInvalid, which names the class and the field."""
        try:
            document = json.loads(text)
        except ValueError as exc:
            raise RetentionPolicyInvalid("The retention policy is not JSON.") from exc
        if not isinstance(document, dict) or set(document) != {"early", "majority_years", "classes"}:
            raise RetentionPolicyInvalid("A retention policy has early, majority_years and classes.")
        if document["early"] not in list(Early):
            raise RetentionPolicyInvalid("early is refuse or defer.", field="early")
        listed = document["classes"]
        if not isinstance(listed, list):
            raise RetentionPolicyInvalid("classes is a list.", field="classes")
        policies = {policy.record_class: policy for policy in map(_policy, listed)}
        if len(policies) != len(listed) or set(policies) != KEPT:
            missing = ", ".join(sorted(KEPT - set(policies)))
            raise RetentionPolicyInvalid(f"Each class is named once; missing: {missing or 'none'}.", field="classes")
        return cls(Early(document["early"]), _years(document, "majority_years", "policy"), policies)

    def verdict(self, record_class: RecordClass, last_entry: date, born: date) -> Verdict:
        """`born` is the birth date, or the day the chart was opened where it isn't known: never too early."""
        policy = self.classes[record_class]
        kept = years_after(last_entry, policy.minimum_years)
        majority = years_after(born, self.majority_years)
        if last_entry < majority:
            kept = max(kept, years_after(majority, policy.minimum_years_after_majority))
        gone = None if policy.maximum_years is None else max(kept, years_after(last_entry, policy.maximum_years))
        return Verdict(record_class=record_class, kept_until=kept, gone_from=gone, basis=policy.basis)

    def shortest_maximum(self) -> int | None:
        """The fewest years after which a clinical class may have to go; None when none ever does."""
        ends = [
            policy.maximum_years
            for policy in self.classes.values()
            if policy.record_class is not RecordClass.AUDIT and policy.maximum_years is not None
        ]
        return min(ends, default=None)


@cache
def default_policies() -> Policies:
    """Those that come with the product."""
    return Policies.parse(resources.files("domain.retention").joinpath("policies.json").read_text("utf-8"))


def years_after(day: date, years: int) -> date:
    """The same day so many years later; 29 February becomes 1 March, and nothing lies beyond the calendar."""
    year = min(day.year + years, date.max.year)
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


def day_of(at_us: int) -> date:
    """Of microseconds since 1970, UTC."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).date()


def latest_birth(birth_date: str) -> date | None:
    """The last day that a date, month or year can mean, so that nobody comes of age too early; None when unknown."""
    parts = [int(part) for part in birth_date.split("-")] if birth_date else []
    if len(parts) == 1:
        return date(parts[0], 12, 31)
    if len(parts) == 2:
        year, month = parts
        return date(year + month // 12, month % 12 + 1, 1)
    return date(*parts) if parts else None


def longest(verdicts: Sequence[Verdict]) -> Verdict | None:
    """The one that keeps the record longest."""
    return max(verdicts, key=lambda verdict: verdict.kept_until, default=None)


def _policy(entry: Any) -> Policy:
    if not isinstance(entry, dict) or set(entry) != _FIELDS:
        raise RetentionPolicyInvalid("A class has " + ", ".join(sorted(_FIELDS)) + ".", field="classes")
    name = entry["class"]
    if name not in list(KEPT):
        raise RetentionPolicyInvalid("There is no such class to keep; there are " + ", ".join(sorted(KEPT)) + ".")
    for field in ("basis", "citation"):
        if not isinstance(entry[field], str) or not entry[field]:
            raise RetentionPolicyInvalid(f"{field} says why, as text.", field=field, record_class=name)
    policy = Policy(
        record_class=RecordClass(name),
        minimum_years=_years(entry, "minimum_years", name),
        minimum_years_after_majority=_years(entry, "minimum_years_after_majority", name),
        maximum_years=None if entry["maximum_years"] is None else _years(entry, "maximum_years", name),
        basis=entry["basis"],
        citation=entry["citation"],
    )
    if policy.maximum_years is not None and policy.maximum_years < policy.minimum_years:
        raise RetentionPolicyInvalid("The maximum is shorter than the minimum.", record_class=name)
    return policy


def _years(entry: Mapping[str, Any], field: str, where: str) -> int:
    years = entry[field]
    if type(years) is not int or not 0 <= years <= _YEARS_MOST:
        raise RetentionPolicyInvalid(f"{field} is a whole number of years.", field=field, record_class=where)
    return years
