"""Alerts as a list."""

from domain.ports.alerts import Alert


class InMemoryAlerts:
    """Satisfies domain.ports.alerts.Alerts. `told` in the order they were told."""

    def __init__(self) -> None:
        self.told: list[Alert] = []

    def tell(self, alert: Alert) -> None:
        self.told.append(alert)
