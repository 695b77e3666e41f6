"""Rules about coming in: one's own second factor, sign-ins and identities, and those of others."""

from typing import Final

from domain.ports.call import Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import ANY_PURPOSE, NOBODY, OPERATIONS, PEOPLE, Rule, rule

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "own_entry",
        "Everybody sees and ends their own sign-ins, and keeps what they sign in with.",
        PEOPLE,
        NOBODY,
        ANY_PURPOSE,
        RecordClass.ACCESS,
        Action.SIGN_IN_LIST_OWN,
        Action.SIGN_IN_REVOKE_OWN,
        Action.ACCOUNT_ENROL_SECOND_FACTOR,
        Action.ACCOUNT_REMOVE_SECOND_FACTOR,
        Action.ACCOUNT_LINK_OWN_IDENTITY,
    ),
    rule(
        "operator_ends_sign_ins",
        "A lost telephone or laptop is reported to who runs accounts, who must be able to shut it out at once.",
        frozenset((Role.OPERATOR,)),
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.SIGN_IN_LIST,
        Action.SIGN_IN_REVOKE,
        Action.ACCOUNT_RESET_SECOND_FACTOR,
        Action.ACCOUNT_LINK_IDENTITY,
    ),
    rule(
        "host_mends_entry",
        "Whoever runs commands on the host lets people in again whose telephone is gone, and replaces secrets of programs.",
        frozenset((Role.SERVICE,)),
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.ACCOUNT_RESET_SECOND_FACTOR,
        Action.ACCOUNT_ADD_SECRET,
    ),
)
