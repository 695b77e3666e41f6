"""How a run tells of PEFT's own tests: excluded cases as such, and one line at the end with all numbers."""

from collections.abc import Iterator

import pytest

from tests.conformance.exclusions import CLASSES_LEFT_OUT, LEFT_OUT, ROWS_LEFT_OUT
from tests.conformance.peft_source import missing_source

FILES = ("tests/conformance/test_custom_models.py", "tests/conformance/test_decoder_models.py")


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """A case that must fail and does, or that PEFT skips: its reason stands in a table, not in every run's output."""
    if report.skipped and is_ours(report) and report.when == "call":
        return "excluded", "e", "EXCLUDED"
    return None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """After everything else, when any of the cases ran, or when none could for want of PEFT's source distribution."""
    yield
    counted = {outcome: sum(map(is_ours, reports)) for outcome, reports in terminalreporter.stats.items()}
    failed = counted.get("failed", 0) + counted.get("error", 0)
    passed, excluded = counted.get("passed", 0), counted.get("excluded", 0)
    if passed + failed + excluded:
        left_out = sum(map(len, LEFT_OUT.values()))
        terminalreporter.write_line(
            f"PEFT's own tests on MoE-LoRA: {passed} passed, {failed} failed, {excluded} excluded; not about it are "
            f"{len(ROWS_LEFT_OUT)} rows, {left_out} tests and {len(CLASSES_LEFT_OUT)} classes "
            "(reasons: tests/conformance/exclusions.py)"
        )
    elif counted.get("skipped", 0) and (reason := missing_source()):
        terminalreporter.write_line(f"PEFT's own tests on MoE-LoRA: not run, {reason}")


def is_ours(report: object) -> bool:
    return getattr(report, "nodeid", "").startswith(FILES)
