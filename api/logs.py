"""What the API logs: codes, ids and places in the code. Never a message of an exception, which may quote a record."""

from typing import Any, Final
from uuid import UUID

import structlog

from api.errors import status_of
from domain.errors import AnamnesisError, Unavailable

_LOG: Final[Any] = structlog.get_logger("anamnesis.api")
_SERVER_FAULT: Final = 500
_SLOW_S: Final = 1.0


def report(error: AnamnesisError, request_id: UUID) -> None:
    """Log what is the server's fault; what is the caller's is in the answer and the metrics."""
    if status_of(type(error)) < _SERVER_FAULT:
        return
    write = _LOG.warning if isinstance(error, Unavailable) else _LOG.error
    write("refused", code=error.code, request_id=str(request_id), exc_info=error)


def report_unexpected(error: BaseException, request_id: object) -> None:
    """The set-up of logging writes the error's class and the frames it came through, not its text."""
    _LOG.error("unexpected_error", code="internal_error", request_id=str(request_id), exc_info=error)


def report_request(method: str, route: str, status: int, seconds: float, request_id: object) -> None:
    """One line a request: slow ones and the server's faults are worth attention, the rest only when asked for."""
    attention = status >= _SERVER_FAULT or seconds > _SLOW_S
    write = _LOG.info if attention else _LOG.debug
    write("request", method=method, route=route, status=status, ms=round(seconds * 1000, 1), request_id=str(request_id))
