"""Rules about records of substance-use treatment (42 CFR Part 2): the class `sud`.

What the care team does by being the care team, it does here with the client's written consent to treatment (§ 2.31, 2.33).
Without it there are the author, the client themself, and a medical emergency (§ 2.51). No program, no model, no officer.
"""

from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import AUTHOR, CARE_TEAM, CARERS, LEADING, OWN, REQUEST, TREATING, Rule

READS: Final = (
    Action.SESSION_READ,
    Action.TRANSCRIPT_READ,
    Action.GOAL_READ,
    Action.DIAGNOSIS_READ,
    Action.MEDICATION_READ,
    Action.MEASURE_READ,
)
_NEW: Final = (Action.SESSION_RECORD, Action.GOAL_SET, Action.DIAGNOSIS_RECORD, Action.MEDICATION_RECORD)
_CHANGES: Final = (
    Action.TRANSCRIPT_ATTACH,
    Action.TRANSCRIPT_MARK_ENTERED_IN_ERROR,
    Action.GOAL_REVISE,
    Action.GOAL_RECORD_PROGRESS,
    Action.GOAL_REACH_MILESTONE,
    Action.GOAL_COMPLETE,
    Action.GOAL_ABANDON,
    Action.GOAL_REOPEN,
    Action.GOAL_MARK_ENTERED_IN_ERROR,
    Action.DIAGNOSIS_CHANGE,
    Action.MEDICATION_CHANGE,
)
_OF_THE_TEAM: Final = (Action.SESSION_ADD_ADDENDUM, Action.MEASURE_MARK_ENTERED_IN_ERROR)
_OF_THE_AUTHOR: Final = (Action.SESSION_AMEND, Action.SESSION_SIGN, Action.SESSION_MARK_ENTERED_IN_ERROR)
_TREATMENT: Final = frozenset((Purpose.TREATMENT,))
_CLIENTS: Final = frozenset((Role.CLIENT,))


def _rule(  # noqa: PLR0913, PLR0917 - a row of the table, read in columns
    name: str,
    because: str,
    roles: frozenset[Role],
    relations: frozenset[Relation],
    purposes: frozenset[Purpose],
    actions: tuple[Action, ...],
    *,
    needs_consent: bool = False,
) -> Rule:
    return Rule(
        name=name,
        because=because,
        roles=roles,
        actions=frozenset(actions),
        record_class=RecordClass.SUD,
        relations=relations,
        purposes=purposes,
        needs_consent=needs_consent,
    )


RULES: Final[tuple[Rule, ...]] = (
    _rule(
        "consented_team_reads_sud",
        "The client consented in writing to use for treatment (42 CFR 2.31, 2.33).",
        CARERS,
        CARE_TEAM,
        _TREATMENT,
        READS,
        needs_consent=True,
    ),
    _rule(
        "treating_clinician_begins_sud",
        "To write down what one was told discloses it to nobody.",
        CARERS,
        TREATING,
        _TREATMENT,
        _NEW,
    ),
    _rule(
        "care_team_measures_sud",
        "To write down what one was told discloses it to nobody.",
        CARERS,
        CARE_TEAM,
        _TREATMENT,
        (Action.MEASURE_RECORD,),
    ),
    _rule(
        "consented_clinician_changes_sud",
        "Who may read what a colleague wrote, and treats, goes on with it.",
        CARERS,
        TREATING,
        _TREATMENT,
        _CHANGES,
        needs_consent=True,
    ),
    _rule(
        "consented_team_corrects_sud",
        "Who may read it says beside the original what was wrong.",
        CARERS,
        CARE_TEAM,
        _TREATMENT,
        _OF_THE_TEAM,
        needs_consent=True,
    ),
    _rule(
        "consented_lead_corrects_sud",
        "Who leads the treatment keeps the chart right, as far as the client lets them see it.",
        CARERS,
        LEADING,
        _TREATMENT,
        (Action.SESSION_MARK_ENTERED_IN_ERROR,),
        needs_consent=True,
    ),
    _rule(
        "consented_supervisor_answers_for_sud",
        "A trainee's supervisor co-signs or returns what they may read.",
        frozenset((Role.SUPERVISOR,)),
        frozenset((Relation.SUPERVISOR,)),
        _TREATMENT,
        (Action.SESSION_COSIGN, Action.SESSION_RETURN),
        needs_consent=True,
    ),
    _rule(
        "author_keeps_sud",
        "An author was told it by the client, and answers for the entry (42 CFR 2.12(c)(3)).",
        CARERS,
        AUTHOR,
        _TREATMENT,
        (*READS, *_CHANGES, *_OF_THE_TEAM, *_OF_THE_AUTHOR),
    ),
    _rule(
        "client_reads_own_sud",
        "Patients have access to their own records (42 CFR 2.23).",
        _CLIENTS,
        frozenset((Relation.SELF,)),
        REQUEST,
        READS,
    ),
    _rule(
        "client_answers_sud",
        "Self-report is the client's own.",
        _CLIENTS,
        OWN,
        REQUEST,
        (Action.MEASURE_RECORD,),
    ),
    _rule(
        "emergency_opens_sud",
        "A medical emergency in which consent can't be obtained (42 CFR 2.51); it is on record and reviewed.",
        CARERS,
        frozenset((Relation.BREAK_GLASS,)),
        frozenset((Purpose.EMERGENCY,)),
        READS,
    ),
)
