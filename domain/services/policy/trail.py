"""Rules about the audit trail: who may read what is on record about whom."""

from typing import Final

from domain.ports.call import Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import (
    ANY_PURPOSE,
    COMPLIANCE,
    NOBODY,
    OPERATIONS,
    OWN,
    PEOPLE,
    REQUEST,
    Rule,
    rule,
)

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "own_trail",
        "Everybody may see what is on record about their own doings.",
        PEOPLE,
        NOBODY,
        ANY_PURPOSE,
        RecordClass.AUDIT,
        Action.AUDIT_READ_OWN,
    ),
    rule(
        "compliance_audits",
        "Compliance officers review activity (45 CFR 164.308(a)(1)(ii)(D)); entries hold codes, never clinical text.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        NOBODY,
        COMPLIANCE,
        RecordClass.AUDIT,
        Action.AUDIT_SEARCH,
        Action.AUDIT_EXPORT,
        Action.AUDIT_READ_OF_CLIENT,
        Action.AUDIT_ACCOUNT_DISCLOSURES,
    ),
    rule(
        "client_sees_who_looked",
        "People learn who looked at their record and to whom it was disclosed (45 CFR 164.528).",
        frozenset((Role.CLIENT,)),
        OWN,
        REQUEST,
        RecordClass.AUDIT,
        Action.AUDIT_READ_OF_CLIENT,
        Action.AUDIT_ACCOUNT_DISCLOSURES,
    ),
    rule(
        "host_searches_audit",
        "Whoever runs commands on the host holds the root key already; here the search is at least on record.",
        frozenset((Role.SERVICE,)),
        NOBODY,
        OPERATIONS,
        RecordClass.AUDIT,
        Action.AUDIT_SEARCH,
        Action.AUDIT_EXPORT,
        Action.AUDIT_ACCOUNT_DISCLOSURES,
    ),
)
