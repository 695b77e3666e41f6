"""Rules about emergencies: breaking the glass, what it gives, and who looks at it afterwards."""

from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import (
    AUTHOR,
    CARE,
    CARE_TEAM,
    CARERS,
    COMPLIANCE,
    NOBODY,
    OPERATIONS,
    SERVICES,
    Rule,
    rule,
)

_EMERGENCY: Final = frozenset((Purpose.EMERGENCY,))
_BROKEN: Final = frozenset((Relation.BREAK_GLASS,))
_OFFICERS: Final = frozenset((Role.COMPLIANCE_OFFICER,))

RULES: Final[tuple[Rule, ...]] = (
    rule(
        "carer_breaks_glass",
        "Whoever treats people may open a chart when somebody is in danger (45 CFR 164.312(a)(2)(ii)); the team is told"
        " that it needs nothing broken.",
        CARERS,
        NOBODY | _BROKEN | CARE_TEAM,
        _EMERGENCY,
        RecordClass.JOURNAL,
        Action.BREAK_GLASS_OPEN,
    ),
    rule(
        "broken_glass_names",
        "Who is in danger must be reached.",
        CARERS,
        _BROKEN,
        _EMERGENCY,
        RecordClass.IDENTITY,
        Action.IDENTITY_READ,
    ),
    rule(
        "broken_glass_shows",
        "What helps in the emergency: the journal, not what is made of it for models, proofs or paper.",
        CARERS,
        _BROKEN,
        _EMERGENCY,
        RecordClass.JOURNAL,
        Action.CLIENT_READ,
        Action.SESSION_READ,
        Action.APPOINTMENT_READ,
        Action.TRANSCRIPT_READ,
        Action.GOAL_READ,
        Action.RISK_FLAG_READ,
        Action.TREATMENT_PLAN_READ,
        Action.DIAGNOSIS_READ,
        Action.MEDICATION_READ,
        Action.SAFETY_PLAN_READ,
        Action.JOURNEY_READ,
        Action.PROGRESS_READ,
    ),
    rule(
        "broken_glass_shows_measures",
        "A score of last week tells how bad it is.",
        CARERS,
        _BROKEN,
        _EMERGENCY,
        RecordClass.MEASURES,
        Action.MEASURE_READ,
    ),
    rule(
        "broken_glass_writes",
        "Who acts in an emergency says so in the chart: the session, the flag, the safety plan that was made.",
        CARERS,
        _BROKEN,
        _EMERGENCY,
        RecordClass.JOURNAL,
        Action.SESSION_RECORD,
        Action.RISK_FLAG_RAISE,
        Action.RISK_FLAG_ACKNOWLEDGE,
        Action.RISK_FLAG_ESCALATE,
        Action.SAFETY_PLAN_WRITE,
    ),
    rule(
        "team_sees_broken_glass",
        "Who answers for the treatment sees who got into the chart past them, and why.",
        CARERS,
        CARE_TEAM,
        CARE,
        RecordClass.JOURNAL,
        Action.BREAK_GLASS_READ,
    ),
    rule(
        "own_broken_glass",
        "Who broke the glass ends it when the danger is over, and sees what became of it.",
        CARERS,
        AUTHOR,
        CARE,
        RecordClass.JOURNAL,
        Action.BREAK_GLASS_READ,
        Action.BREAK_GLASS_END,
    ),
    rule(
        "compliance_reviews_broken_glass",
        "Every way past a care team is looked at by somebody who does not treat (45 CFR 164.308(a)(1)(ii)(D)).",
        _OFFICERS,
        NOBODY,
        COMPLIANCE,
        RecordClass.JOURNAL,
        Action.BREAK_GLASS_READ,
        Action.BREAK_GLASS_REVIEW,
        Action.BREAK_GLASS_END,
    ),
    rule(
        "worker_watches_reviews",
        "A review that nobody makes must not be forgotten.",
        SERVICES,
        NOBODY,
        OPERATIONS,
        RecordClass.JOURNAL,
        Action.BREAK_GLASS_SWEEP,
    ),
    rule(
        "compliance_lets_representative_in",
        "Papers that show by what right somebody stands for a client are checked by who leads, or by compliance.",
        _OFFICERS,
        NOBODY,
        COMPLIANCE,
        RecordClass.JOURNAL,
        Action.CLIENT_LET_REPRESENTATIVE_IN,
        Action.CLIENT_END_REPRESENTATION,
    ),
)
