"""What all routes of one application share."""

from typing import Any, Final

from api import headers as convention
from api.gate import Gate
from api.metrics import HttpMetrics
from api.origin import Origin
from api.runtime import Runtime
from api.threads import Threads
from domain.services import Services

REQUEST_ID: Final = "anamnesis.request_id"


class Surface:
    """Kept in `app.state.surface`."""

    def __init__(self, services: Services, runtime: Runtime, metrics: HttpMetrics) -> None:
        self.services = services
        self.runtime = runtime
        self.gate = Gate(services, runtime, metrics)
        self.threads = Threads(runtime.policy.threads, "api")

    def origin(self, scope: Any, body: bytes) -> Origin:
        """What is known of the request in this ASGI scope."""
        headers = convention.plain(scope["headers"])
        peer = scope["client"][0] if scope.get("client") else ""
        query = scope["query_string"].decode("latin-1")
        return Origin(
            request_id=scope[REQUEST_ID],
            at=self.runtime.clock.now(),
            address=convention.client_address(peer, headers, self.runtime.policy.trusted_proxies),
            method=scope["method"],
            target=f"{scope['path']}?{query}" if query else scope["path"],
            headers=headers,
            body=body,
        )
