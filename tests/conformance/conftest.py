"""What PEFT's tests need around them: tiny models to load by name, no hub, and the tables of exclusions applied."""

import builtins
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from ml.moe_lora import errors
from tests.conformance.cases import runs_by_default
from tests.conformance.exclusions import exclusion_of, is_skipped_by_peft
from tests.conformance.models import save_decoder

HERE = Path(__file__).parent
# PEFT's suite turns no warning into an error. One of its tests looks for this one in what it recorded.
WARNINGS = ("ignore", "default:Found missing adapter keys")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that isn't found locally is missing: the hub isn't asked for it, five times over."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(autouse=True)
def repeatable() -> Iterator[None]:
    """PEFT's tests draw weights without a seed: here a test's luck doesn't depend on which ran before it."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


@pytest.fixture(scope="session")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of the tiny models that were built so far."""
    return {}


@pytest.fixture
def model_id(request: pytest.FixtureRequest, decoders, tmp_path_factory) -> str:
    """The folder of the tiny decoder that the case names: PEFT loads models by such an id."""
    if request.param not in decoders:
        decoders[request.param] = save_decoder(request.param, tmp_path_factory.mktemp("decoders"))
    return str(decoders[request.param])


def adopted(item: pytest.Item) -> tuple[str, str] | None:
    """The test (class::function) and the case of an item that is one of PEFT's, else None."""
    if not isinstance(item, pytest.Function) or item.cls is None or not item.path.is_relative_to(HERE):
        return None
    case = item.callspec.id if hasattr(item, "callspec") else ""
    return f"{item.cls.__name__}::{item.originalname}", case


def error(name: str) -> type[Exception]:
    found: type[Exception] = getattr(errors, name, None) or getattr(builtins, name)
    return found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (found := adopted(item)) is None:
            continue
        item.add_marker(pytest.mark.filterwarnings(*WARNINGS))
        if exclusion := exclusion_of(*found):
            item.add_marker(pytest.mark.xfail(reason=exclusion.reason, strict=True, raises=error(exclusion.raises)))
        if not runs_by_default(item.callspec.id if hasattr(item, "callspec") else ""):
            item.add_marker(pytest.mark.faults)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """PEFT's tests skip themselves in their bodies: each skip must be known, and each known one must still happen."""
    report = yield
    if call.when == "call" and (found := adopted(item)) and not hasattr(report, "wasxfail"):
        known = is_skipped_by_peft(*found)
        if report.skipped and not known:
            report.outcome, report.longrepr = (
                "failed",
                f"skips itself, which SKIPPED_BY_PEFT doesn't say: {call.excinfo}",
            )
        elif report.passed and known:
            report.outcome, report.longrepr = "failed", "no longer skips itself: take it out of SKIPPED_BY_PEFT"
    return report
