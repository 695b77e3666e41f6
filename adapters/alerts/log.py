"""Alerts as lines of the structured log, which a practice's monitoring watches."""

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
            account_id=str(alert.account_id),
            client_id=str(alert.client_id),
        )
