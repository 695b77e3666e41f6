import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from domain.errors import StoreUnavailable
from ops.logging import configure


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name in ("uvicorn", "alembic", "asyncio", "arq"):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.getLogger("uvicorn.access").disabled = False
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_only_listed_keys_are_written_and_the_rest_is_counted(capsys: pytest.CaptureFixture[str]) -> None:
    configure(terminal=False, process="serve")

    structlog.get_logger().info("request", route="/v1/clients/{client_id}", status=200, name="Ada", query="?q=1")

    (line,) = lines(capsys)
    assert line["route"] == "/v1/clients/{client_id}"
    assert line["process"] == "serve"
    assert line["dropped"] == 2
    assert "Ada" not in str(line)


def test_a_librarys_arguments_stay_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure(terminal=False)

    logging.getLogger("some.library").warning("could not store %s", "what somebody said")

    (line,) = lines(capsys)
    assert line["event"] == "could not store %s"
    assert line["logger"] == "some.library"


def fail() -> None:
    raise StoreUnavailable("what somebody said")


def test_an_error_is_written_as_its_class_code_and_places_not_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    configure(terminal=False)
    try:
        fail()
    except StoreUnavailable:
        structlog.get_logger().exception("a job failed")
        logging.getLogger("some.library").exception("failed")

    for line in lines(capsys):
        assert line["error"] == "StoreUnavailable"
        assert line["code"] == "store_unavailable"
        assert "test_an_error_is_written" in str(line["where"])
        assert "somebody" not in str(line)


def test_arq_and_access_logs_are_silent(capsys: pytest.CaptureFixture[str]) -> None:
    configure("debug", terminal=False)

    logging.getLogger("arq.worker").critical("0.1s → job(%s)", "argument")
    logging.getLogger("uvicorn.access").info("GET /v1/clients?name=Ada")

    assert lines(capsys) == []


def test_uvicorn_may_say_where_it_listens(capsys: pytest.CaptureFixture[str]) -> None:
    configure(terminal=False)

    logging.getLogger("uvicorn.error").info("Uvicorn running on %s", "http://127.0.0.1:8000")

    (line,) = lines(capsys)
    assert line["event"] == "Uvicorn running on http://127.0.0.1:8000"


def test_levels_below_the_one_asked_for_are_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    configure("warning", terminal=False)

    structlog.get_logger().info("quiet")
    structlog.get_logger().warning("heard")

    assert [line["event"] for line in lines(capsys)] == ["heard"]


def test_a_terminal_gets_lines_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    configure(terminal=True)

    structlog.get_logger().warning("Redis is back", secret="x")

    text = capsys.readouterr().err
    assert "Redis is back" in text
    assert "secret" not in text


def test_a_log_that_cannot_be_written_does_not_end_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Path("/dev/full").open("w", buffering=1)  # noqa: SIM115 - closing it fails, and that is its point
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", full)
        configure(terminal=False)
        structlog.get_logger().warning("a projection waits")
    with pytest.raises(OSError, match="No space"):
        full.close()


def test_a_logger_in_use_follows_standard_error_and_new_settings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log = structlog.get_logger()
    closed = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr("sys.stderr", closed)
        configure(terminal=False)
        log.warning("before")
    closed.close()
    log.warning("after")
    configure(terminal=False, process="worker")
    log.warning("anew")

    assert [(line["event"], line.get("process")) for line in lines(capsys)] == [("after", None), ("anew", "worker")]
