"""One line at the end of a run: how many of PEFT's own tests passed on our method, failed, or were excluded."""

import pytest

from tests.conformance.exclusions import CLASSES_LEFT_OUT, LEFT_OUT, ROWS_LEFT_OUT
from tests.conformance.peft_source import missing_source

FILES = ("tests/conformance/test_custom_models.py", "tests/conformance/test_decoder_models.py")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Printed when any of the cases ran, or when they couldn't for want of PEFT's source distribution."""
    counted = {outcome: count(terminalreporter, outcome) for outcome in terminalreporter.stats}
    passed, failed = counted.get("passed", 0), counted.get("failed", 0) + counted.get("error", 0)
    excluded = counted.get("xfailed", 0) + counted.get("skipped", 0)
    if not passed + failed + excluded:
        return
    if reason := missing_source():
        terminalreporter.write_line(f"PEFT's own tests on MoE-LoRA: not run, {reason}")
        return
    left_out = sum(map(len, LEFT_OUT.values()))
    terminalreporter.write_line(
        f"PEFT's own tests on MoE-LoRA: {passed} passed, {failed} failed, {excluded} excluded; no case here have "
        f"{len(ROWS_LEFT_OUT)} rows, {left_out} tests and {len(CLASSES_LEFT_OUT)} classes of other methods "
        "(reasons: tests/conformance/exclusions.py)"
    )


def count(reporter: pytest.TerminalReporter, outcome: str) -> int:
    ids = (getattr(report, "nodeid", "") for report in reporter.stats[outcome])
    return sum(nodeid.startswith(FILES) for nodeid in ids)
