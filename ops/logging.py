"""Logs as JSON lines (or coloured lines on a terminal) whose keys come from one list: what isn't listed isn't written.

Ids that mean nothing outside the record may stand in a log; names, texts, addresses, query strings and values from
databases may not. Messages of libraries are written as the constant they were made from, without their arguments.
"""

import logging
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, TextIO, cast

import structlog

ALLOWED: Final = frozenset(
    (
        "event", "level", "timestamp", "logger", "process", "code", "hint", "error", "where",
        "request_id", "route", "method", "status", "ms", "bytes", "origin",
        "job", "job_id", "try", "count", "seconds", "position", "lag", "parked", "view", "state", "probe",
        "host", "port", "pid", "exit", "workers", "version", "revision", "chain", "part", "signal", "dropped",
        "alert", "severity", "resource_id",
    )
)  # fmt: skip
# Libraries whose messages are about the process alone, so that their arguments may be shown.
_PLAIN: Final = ("uvicorn", "alembic", "asyncio")


class _Stderr:
    """Standard error as it is when a line is written. What can't be written is lost: a reader of the log who went away,
    or a disk that is full, must not end the work that is logged.
    """

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # ValueError: the stream was closed
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            sys.stderr.flush()


def configure(level: str = "info", *, process: str = "", terminal: bool | None = None) -> None:
    """Send structlog and the standard library's logging to stderr. `process` is added to each line.

    `terminal` True writes coloured lines, False JSON; by default what stderr is.
    """
    coloured = sys.stderr.isatty() if terminal is None else terminal
    number = logging.getLevelNamesMapping()[level.upper()]
    renderer: Any = structlog.dev.ConsoleRenderer() if coloured else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(process),
        _describe_error,
        keep_allowed,
    ]
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        # Loggers aren't kept from their first use on: they would hold on to that moment's settings for good.
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Stderr())),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[_without_arguments, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    for name in _PLAIN:
        logging.getLogger(name).setLevel(number if name == "uvicorn" else max(number, logging.WARNING))
    # ARQ writes the arguments of jobs and the text of their errors; the worker logs its jobs itself.
    logging.getLogger("arq").setLevel(logging.CRITICAL + 1)
    # One line a request, by the API, with the route's template instead of the path.
    logging.getLogger("uvicorn.access").disabled = True


def keep_allowed(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Drop every key that isn't in ALLOWED, and say how many went."""
    kept = {key: value for key, value in event.items() if key in ALLOWED or key.startswith("_")}
    if len(kept) < len(event):
        kept["dropped"] = len(event) - len(kept)
    return kept


def _named(process: str) -> Any:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if process:
            event["process"] = process
        return event

    return add


def _without_arguments(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A library's record: the constant part of its message, unless the library is known to speak of itself alone."""
    record: logging.LogRecord = event["_record"]
    event["logger"] = record.name
    if record.name.partition(".")[0] not in _PLAIN:
        event["event"] = str(record.msg)
    if record.exc_info:
        event["exc_info"] = record.exc_info
    return event


def _describe_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its class, its code and the places it passed: its text may quote a row."""
    given = event.pop("exc_info", None)
    found = sys.exc_info() if given is True else given
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        if code := getattr(error, "code", ""):
            event["code"] = str(code)
        event["where"] = _places(error.__traceback__)
    return event


def _places(trace: TracebackType | None) -> list[str]:
    """The innermost eight frames as module:line:function."""
    frames = list(traceback.walk_tb(trace))[-8:]
    return [f"{frame.f_globals.get('__name__', '?')}:{line}:{frame.f_code.co_name}" for frame, line in frames]
