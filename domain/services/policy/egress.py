"""Rules about what leaves the house: agreements, what is sent under them, and what people give away by hand."""

from typing import Final

from domain.ports.call import Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import CARE, CARERS, COMPLIANCE, LEADING, NOBODY, OPERATIONS, SERVICES, Rule, rule

_ALL: Final = (Action.AGREEMENT_RECORD, Action.AGREEMENT_READ, Action.AGREEMENT_END)

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "operator_keeps_agreements",
        "Who connects the deployment with others records what was agreed with them.",
        frozenset((Role.OPERATOR,)),
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        *_ALL,
    ),
    rule(
        "compliance_keeps_agreements",
        "Contracts with those who receive data are the compliance officer's to keep (45 CFR 164.308(b)).",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        NOBODY,
        COMPLIANCE,
        RecordClass.ACCESS,
        *_ALL,
    ),
    rule(
        "carer_names_recipient",
        "Who records what they gave away must find the recipient's agreement; it names no client.",
        CARERS,
        NOBODY,
        CARE,
        RecordClass.ACCESS,
        Action.AGREEMENT_READ,
    ),
    rule(
        "lead_records_disclosure",
        "Who leads the treatment answers for what is given to others, and accounts for it (45 CFR 164.528).",
        CARERS,
        LEADING,
        CARE,
        RecordClass.ACCESS,
        Action.DISCLOSURE_RECORD,
    ),
    rule(
        "compliance_records_disclosure",
        "Subpoenas, authorities and mishaps arrive at the compliance officer's desk.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        NOBODY,
        COMPLIANCE,
        RecordClass.ACCESS,
        Action.DISCLOSURE_RECORD,
    ),
    rule(
        "worker_sends",
        "Only the house's own jobs send anything, and each time under an agreement.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.ACCESS,
        Action.DISCLOSURE_MAKE,
    ),
)
