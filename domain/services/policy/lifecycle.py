"""Rules about the end of a record: erasure, holds, retention; and about the keys it hangs from."""

from typing import Final

from domain.ports.call import Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import COMPLIANCE, NOBODY, OPERATIONS, SERVICES, Rule, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "compliance_erases",
        "What is kept, for how long, and what must not go is the compliance officer's to decide; they read none of it.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        NOBODY,
        COMPLIANCE,
        RecordClass.ACCESS,
        Action.ERASURE_REQUEST,
        Action.ERASURE_READ,
        Action.HOLD_PLACE,
        Action.HOLD_LIFT,
        Action.HOLD_READ,
        Action.RETENTION_READ,
    ),
    rule(
        "host_erases",
        "The worker carries out what was asked for or is due; whoever runs commands on the host could destroy the keys anyway.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.ERASURE_REQUEST,
        Action.ERASURE_READ,
        Action.ERASURE_CARRY_OUT,
        Action.HOLD_PLACE,
        Action.HOLD_LIFT,
        Action.HOLD_READ,
        Action.RETENTION_READ,
        Action.RETENTION_SWEEP,
    ),
    rule(
        "host_keeps_keys",
        "Whoever runs commands on the host holds the root keys already; what they do with them must be on record.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.KEYS_ROTATE,
        Action.KEYS_SHARE,
        Action.KEYS_RECOVER,
    ),
)
