"""Alerts as lines of the structured log, which a practice's monitoring watches: what it is, and what to look at.

Who did it and whose record it concerns is read there, by who may; logs name no clients.
"""

import structlog

from domain.ports.alerts import Alert

_log = structlog.get_logger("alerts")


class LoggedAlerts:
    """Satisfies domain.ports.alerts.Alerts."""

    def tell(self, alert: Alert) -> None:
        _log.warning(
            "Somebody must look at an access",
            alert=alert.code.value,
            severity=alert.severity.value,
            resource_id=str(alert.resource_id),
        )
