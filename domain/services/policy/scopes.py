"""What a service account may ask for, by scope."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.ports.call import Scope
from domain.services.policy.actions import Action

RECORD_READS: Final = (
    Action.SESSION_READ,
    Action.APPOINTMENT_READ,
    Action.TRANSCRIPT_READ,
    Action.GOAL_READ,
    Action.RISK_FLAG_READ,
    Action.TREATMENT_PLAN_READ,
    Action.DIAGNOSIS_READ,
    Action.MEDICATION_READ,
    Action.SAFETY_PLAN_READ,
)

SCOPES: Final[Mapping[Scope, frozenset[Action]]] = MappingProxyType(
    {
        Scope.CHANGES_READ: frozenset((Action.CHANGES_READ,)),
        Scope.JOURNEY_READ: frozenset((Action.CLIENT_READ, Action.JOURNEY_READ, *RECORD_READS)),
        Scope.CONTEXT_READ: frozenset((Action.CONTEXT_READ,)),
        Scope.PROGRESS_READ: frozenset((Action.PROGRESS_READ,)),
        Scope.MEASURES_READ: frozenset((Action.MEASURE_READ, Action.INSTRUMENT_READ)),
        Scope.MEASURES_WRITE: frozenset((Action.MEASURE_RECORD, Action.INSTRUMENT_READ)),
        Scope.LOG_READ: frozenset((Action.LOG_READ,)),
    }
)
"""What a signed-in service account may ask for, by scope. A rule must allow it too: scopes only ever narrow."""
