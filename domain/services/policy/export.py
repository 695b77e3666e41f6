"""Rules about taking a whole record out."""

from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import CARE, CARERS, LEADING, NOBODY, OPERATIONS, OWN, REQUEST, SERVICES, Rule, rule

_CLIENT: Final = frozenset((Role.CLIENT,))
_LEAD_BECAUSE: Final = "Who leads the treatment hands the record over when the client moves on or asks for it."
_OWN_BECAUSE: Final = "People take their own record with them (45 CFR 164.524(c)(2), GDPR article 20)."
_HOST_BECAUSE: Final = (
    "A practice that moves takes its records along; whoever runs commands on the host holds the root key."
)
_ORDINARY: Final = (RecordClass.JOURNAL, RecordClass.IDENTITY, RecordClass.MEASURES)

RULES: Final[tuple[Rule, ...]] = (
    *[
        rule(f"lead_exports_{each}", _LEAD_BECAUSE, CARERS, LEADING, CARE, each, Action.EXPORT_MAKE)
        for each in _ORDINARY
    ],
    Rule(
        name="lead_exports_substance_use",
        because="Substance-use records leave with the client's consent only (42 CFR 2.31, 2.33).",
        roles=CARERS,
        actions=frozenset((Action.EXPORT_MAKE,)),
        record_class=RecordClass.SUD,
        relations=LEADING,
        purposes=CARE,
        needs_consent=True,
    ),
    *[
        rule(f"client_exports_{each}", _OWN_BECAUSE, _CLIENT, OWN, REQUEST, each, Action.EXPORT_MAKE)
        for each in _ORDINARY
    ],
    rule(
        "client_exports_substance_use",
        "Records of substance use are the patient's own to take; who stands for them needs more than that (42 CFR 2.14).",
        _CLIENT,
        frozenset((Relation.SELF,)),
        REQUEST,
        RecordClass.SUD,
        Action.EXPORT_MAKE,
    ),
    *[
        rule(f"host_exports_{each}", _HOST_BECAUSE, SERVICES, NOBODY, OPERATIONS, each, Action.EXPORT_MAKE)
        for each in (*_ORDINARY, RecordClass.SUD)
    ],
)
