"""Telling people at once that something happened which somebody must look at. Ids and codes, never text."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from domain.ports.worklist import Severity


class AlertCode(StrEnum):
    GLASS_BROKEN = "glass_broken"
    CHART_HANDED_OVER = "chart_handed_over"
    REVIEW_OVERDUE = "review_overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """`resource_id` is what to look at, `account_id` who did it, `client_id` whose record it concerns."""

    code: AlertCode
    severity: Severity
    resource_id: UUID
    account_id: UUID
    client_id: UUID


class Alerts(Protocol):
    def tell(self, alert: Alert) -> None:
        """Never raises: what it tells of is on record already, and on the list of those who must look at it."""
