"""Webhooks' way out, for every process: most only check addresses, and never load what sending takes."""

from urllib.parse import urlsplit

from adapters.webhooks.targets import Targets
from domain.ports.egress import Gate, Permit, PermitRefused
from domain.ports.webhooks import DeliveryOutcome, Message

TOTAL_S = 15.0
"""From looking the host up to the status line of its answer."""


class HttpWebhookSender:
    """Satisfies domain.ports.webhooks.WebhookSender. May be shared by threads; not to be called on an event loop."""

    def __init__(self, targets: Targets, gate: Gate, *, total_s: float = TOTAL_S) -> None:
        self._targets = targets
        self._gate = gate
        self._total_s = total_s

    def check(self, url: str) -> None:
        self._targets.check(url)

    def send(self, url: str, message: Message, permit: Permit) -> DeliveryOutcome:
        try:
            # For the name that the connection goes to: no redirect is followed, and no proxy asked.
            self._gate.redeem(permit, (urlsplit(url).hostname or "").lower())
        except PermitRefused:
            return DeliveryOutcome.NOT_PERMITTED
        from adapters.webhooks.http import post  # noqa: PLC0415 - an HTTP client and TLS roots: the worker's alone

        return post(url, message, self._targets, self._total_s)
