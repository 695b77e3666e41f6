"""A row of the table, and the groups its columns are filled from."""

from dataclasses import dataclass
from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Allows every combination of its members. `name` is the reason a decision gives, `because` the reason for people."""

    name: str
    because: str
    roles: frozenset[Role]
    actions: frozenset[Action]
    record_class: RecordClass
    relations: frozenset[Relation]
    purposes: frozenset[Purpose]
    needs_consent: bool = False


def rule(  # noqa: PLR0913, PLR0917 - a row of the table, read in columns
    name: str,
    because: str,
    roles: frozenset[Role],
    relations: frozenset[Relation],
    purposes: frozenset[Purpose],
    record_class: RecordClass,
    *actions: Action,
) -> Rule:
    return Rule(
        name=name,
        because=because,
        roles=roles,
        actions=frozenset(actions),
        record_class=record_class,
        relations=relations,
        purposes=purposes,
    )


CARERS: Final = frozenset((Role.CLINICIAN, Role.SUPERVISOR))
CARE_TEAM: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN, Relation.SUPERVISOR))
TREATING: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN))
LEADING: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.SUPERVISOR))
OWN: Final = frozenset((Relation.SELF, Relation.REPRESENTATIVE))
AUTHOR: Final = frozenset((Relation.AUTHOR,))
NOBODY: Final = frozenset((Relation.NONE,))
CARE: Final = frozenset((Purpose.TREATMENT, Purpose.OPERATIONS, Purpose.CLIENT_REQUEST))
REQUEST: Final = frozenset((Purpose.CLIENT_REQUEST,))
OPERATIONS: Final = frozenset((Purpose.OPERATIONS,))
COMPLIANCE: Final = frozenset((Purpose.COMPLIANCE, Purpose.CLIENT_REQUEST))
ANY_PURPOSE: Final = frozenset(Purpose)
PEOPLE: Final = frozenset(Role) - {Role.SERVICE}
SERVICES: Final = frozenset((Role.SERVICE,))
LET_IN: Final = frozenset((Relation.SYSTEM,))
