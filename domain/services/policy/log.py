"""Rules about the log itself: who may check it, and who publishes it."""

from typing import Final

from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import ANY_PURPOSE, NOBODY, OPERATIONS, PEOPLE, SERVICES, Rule, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "anybody_checks_the_log",
        "A log is trusted because everybody can check it; checkpoints and proofs hold hashes alone.",
        PEOPLE,
        NOBODY,
        ANY_PURPOSE,
        RecordClass.AUDIT,
        Action.LOG_READ,
    ),
    rule(
        "programs_check_the_log",
        "An auditor's program follows checkpoints by its scope.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.AUDIT,
        Action.LOG_READ,
    ),
    rule(
        "worker_publishes_checkpoints",
        "The worker and whoever runs commands on the host hold the signing key; no account does.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.AUDIT,
        Action.LOG_CHECKPOINT,
    ),
)
