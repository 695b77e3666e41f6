"""The witness as a process of its own: one address, one request, nothing of the store."""

import signal
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Final

import structlog

from adapters.log.witness import BODY_MOST, LogWitness, WitnessAnswer, WitnessStateUnusable
from domain.errors import Misconfigured

_PATH: Final = "/add-checkpoint"
_ARRIVAL_S: Final = 15.0
_log = structlog.get_logger("ops.witnessing")


class ListenAddressUnusable(Misconfigured):
    code = "listen_address_unusable"
    message = "The witness can't listen at this address."
    hint = "Give host:port, of an address of this machine and a port that is free."


class WitnessServer(ThreadingHTTPServer):
    """Serves one witness. Raises ListenAddressUnusable when made for an address that can't be had."""

    daemon_threads = True

    def __init__(self, address: str, witness: LogWitness) -> None:
        host, _, port = address.rpartition(":")
        self.witness = witness
        try:
            super().__init__((host.strip("[]"), int(port)), _Handler)
        except (OSError, ValueError, OverflowError) as exc:
            raise ListenAddressUnusable(address=address, reason=type(exc).__name__) from exc

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - as the base has it
        """Somebody hung up, or sent nothing: no trace of it on the terminal."""
        _log.info("A request was not answered", code="cut_off")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "anamnesis-witness"
    sys_version = ""
    timeout = _ARRIVAL_S
    server: WitnessServer

    def do_POST(self) -> None:
        length = self.headers.get("Content-Length", "")
        if self.path != _PATH:
            self._answer(WitnessAnswer(HTTPStatus.NOT_FOUND, "there is nothing here\n"))
        elif not length.isascii() or not length.isdigit() or len(length) > 9:
            self._answer(WitnessAnswer(HTTPStatus.LENGTH_REQUIRED, "say how long it is\n"))
        elif int(length) > BODY_MOST:
            self._answer(WitnessAnswer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long\n"))
        else:
            self._answer(self._added(self.rfile.read(int(length))))

    def _added(self, body: bytes) -> WitnessAnswer:
        try:
            return self.server.witness.add_checkpoint(body)
        except (OSError, WitnessStateUnusable) as exc:
            # Not remembered, so not cosigned.
            _log.error("The witness can't remember", code="witness_state_unusable", error=type(exc).__name__)
            return WitnessAnswer(HTTPStatus.INTERNAL_SERVER_ERROR, "can't remember\n")

    def _answer(self, answer: WitnessAnswer) -> None:
        body = answer.text.encode()
        self.close_connection = answer.status >= HTTPStatus.LENGTH_REQUIRED
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.media_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002, ARG002 - as the base has it
        """One line a request, without addresses."""
        _log.info("A checkpoint was asked about", status=str(args[1]) if len(args) > 1 else "")


def run(server: WitnessServer) -> None:
    """Serve until SIGTERM or SIGINT."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: Thread(target=server.shutdown).start())
    try:
        server.serve_forever()
    finally:
        server.server_close()
        server.witness.close()
