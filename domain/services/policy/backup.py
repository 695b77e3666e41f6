"""Rules about copies of the whole deployment."""

from typing import Final

from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import NOBODY, OPERATIONS, SERVICES, Rule, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "host_backs_up",
        "Whoever runs commands on the host can copy its files anyway; by the command it is on record, and sealed as it was.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.BACKUP_TAKE,
        Action.BACKUP_RESTORE,
    ),
)
