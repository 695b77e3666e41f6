"""Looks at a whole set-up and says what is wrong with it and how to mend it. Changes nothing."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from ops.checks import checkpoints, databases, host, keys, production, services
from ops.checks.finding import Finding, State, broken
from ops.settings import Settings

Check = Callable[[Settings], Iterator[Finding]]
CHECKS: Final[Sequence[Check]] = (
    host.python,
    host.names,
    host.data_folder,
    keys.root_keys,
    databases.databases,
    keys.keys_and_events,
    production.production,
    checkpoints.publishing,
    services.projections,
    services.background,
    host.clock,
    host.port,
)


def examine(settings: Settings, checks: Sequence[Check] = CHECKS) -> Iterator[Finding]:
    """Every finding in the order of the checks; one that fails in a way nobody foresaw is a finding too."""
    for check in checks:
        try:
            yield from check(settings)
        except Exception as exc:  # noqa: BLE001 - the doctor must get to the end
            text = f"The check failed by itself ({type(exc).__name__})."
            yield broken(check.__name__, "check_failed", text, "Report it, with the output of ANAMNESIS_DEBUG=1.")


def healthy(findings: Sequence[Finding]) -> bool:
    """Whether nothing is broken; warnings don't count."""
    return not any(finding.state is State.BROKEN for finding in findings)
