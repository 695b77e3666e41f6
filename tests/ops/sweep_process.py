"""Sweeps the work list until it was asked so often for the named step, says so, and waits to be killed.

Arguments: `keep` or `escalate`, and how many times it may be taken. Settings come from the environment.
"""

import sys
from dataclasses import replace
from typing import Any

from ops.bootstrap import Part, build
from ops.jobs.sweep_worklist import sweep_worklist
from ops.settings import Settings

STEPS = {"keep": ("_facts", "keep"), "escalate": ("_risk_flags", "escalate_overdue")}


class Stopping:
    """Another object, but for one method that stops after so many calls."""

    def __init__(self, inner: Any, method: str, times: int) -> None:
        self._inner, self._method, self._left = inner, method, times

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._counted(found) if name == self._method else found

    def _counted(self, method: Any) -> Any:
        def call(*arguments: Any) -> Any:
            answer = method(*arguments)
            self._left -= 1
            if self._left == 0:
                sys.stdout.write("half-way\n")
                sys.stdout.flush()
                sys.stdin.read()
            return answer

        return call


if __name__ == "__main__":
    attribute, method = STEPS[sys.argv[1]]
    with build(Settings.load(), parts=Part.WORKER) as system:
        service = system.services.worklist
        setattr(service, attribute, Stopping(getattr(service, attribute), method, int(sys.argv[2])))
        sweep_worklist(replace(system, services=replace(system.services, worklist=service)))
