"""Who may do what, to which class of record, standing how to the client, for which purpose, and why that is right.

Deny by default: what no rule allows is denied. `tests/domain/policy.cedar` states the same rules in other words, and
another engine compares the two over every combination.
"""

from typing import Final

from domain.services.policy import (
    backup,
    egress,
    emergency,
    entry,
    export,
    house,
    lifecycle,
    log,
    notes,
    record,
    substance_use,
    trail,
)
from domain.services.policy.actions import Action
from domain.services.policy.rule import Rule
from domain.services.policy.scopes import SCOPES

__all__ = ["RULES", "SCOPES", "Action", "Rule"]

RULES: Final[tuple[Rule, ...]] = (
    *record.RULES,
    *emergency.RULES,
    *backup.RULES,
    *house.RULES,
    *log.RULES,
    *entry.RULES,
    *export.RULES,
    *notes.RULES,
    *substance_use.RULES,
    *lifecycle.RULES,
    *trail.RULES,
    *egress.RULES,
)
