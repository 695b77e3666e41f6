"""Who may do what, to which class of record, standing how to the client, for which purpose, and why that is right.

Deny by default: what no rule allows is denied. `tests/domain/test_policy.py` states the same rules in other words and
compares the two over every combination.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role, Scope
from domain.ports.keys import RecordClass


class Action(StrEnum):
    """Codes of everything that can be asked for; they stand in audit entries and never change."""

    CLIENT_REGISTER = "client.register"
    CLIENT_READ = "client.read"
    CLIENT_FIND = "client.find"
    CLIENT_CASELOAD = "client.caseload"
    CLIENT_JOIN_CARE_TEAM = "client.join_care_team"
    CLIENT_LEAVE_CARE_TEAM = "client.leave_care_team"
    CLIENT_STEP_DOWN = "client.step_down"
    CLIENT_GIVE_CONSENT = "client.give_consent"
    CLIENT_WITHDRAW_CONSENT = "client.withdraw_consent"
    CLIENT_MARK_ENTERED_IN_ERROR = "client.mark_entered_in_error"
    IDENTITY_READ = "identity.read"
    IDENTITY_CORRECT = "identity.correct"
    SESSION_RECORD = "session.record"
    SESSION_READ = "session.read"
    SESSION_AMEND = "session.amend"
    SESSION_SIGN = "session.sign"
    SESSION_COSIGN = "session.cosign"
    SESSION_RETURN = "session.return"
    SESSION_ADD_ADDENDUM = "session.add_addendum"
    SESSION_MARK_ENTERED_IN_ERROR = "session.mark_entered_in_error"
    APPOINTMENT_PLAN = "appointment.plan"
    APPOINTMENT_READ = "appointment.read"
    APPOINTMENT_RESCHEDULE = "appointment.reschedule"
    APPOINTMENT_HOLD = "appointment.hold"
    APPOINTMENT_CANCEL = "appointment.cancel"
    APPOINTMENT_MISS = "appointment.miss"
    APPOINTMENT_MARK_ENTERED_IN_ERROR = "appointment.mark_entered_in_error"
    DRAFT_SAVE = "draft.save"
    DRAFT_READ = "draft.read"
    DRAFT_LIST = "draft.list"
    DRAFT_DISCARD = "draft.discard"
    DRAFT_DISCARD_STALE = "draft.discard_stale"
    TRANSCRIPT_ATTACH = "transcript.attach"
    TRANSCRIPT_READ = "transcript.read"
    TRANSCRIPT_MARK_ENTERED_IN_ERROR = "transcript.mark_entered_in_error"
    GOAL_SET = "goal.set"
    GOAL_READ = "goal.read"
    GOAL_REVISE = "goal.revise"
    GOAL_RECORD_PROGRESS = "goal.record_progress"
    GOAL_REACH_MILESTONE = "goal.reach_milestone"
    GOAL_COMPLETE = "goal.complete"
    GOAL_ABANDON = "goal.abandon"
    GOAL_REOPEN = "goal.reopen"
    GOAL_MARK_ENTERED_IN_ERROR = "goal.mark_entered_in_error"
    INSTRUMENT_READ = "instrument.read"
    MEASURE_RECORD = "measure.record"
    MEASURE_READ = "measure.read"
    MEASURE_MARK_ENTERED_IN_ERROR = "measure.mark_entered_in_error"
    RISK_FLAG_RAISE = "risk_flag.raise"
    RISK_FLAG_READ = "risk_flag.read"
    RISK_FLAG_ACKNOWLEDGE = "risk_flag.acknowledge"
    RISK_FLAG_ESCALATE = "risk_flag.escalate"
    RISK_FLAG_RESOLVE = "risk_flag.resolve"
    RISK_FLAG_MARK_ENTERED_IN_ERROR = "risk_flag.mark_entered_in_error"
    RISK_FLAG_ESCALATE_OVERDUE = "risk_flag.escalate_overdue"
    TREATMENT_PLAN_READ = "treatment_plan.read"
    TREATMENT_PLAN_WRITE = "treatment_plan.write"
    DIAGNOSIS_RECORD = "diagnosis.record"
    DIAGNOSIS_READ = "diagnosis.read"
    DIAGNOSIS_CHANGE = "diagnosis.change"
    MEDICATION_RECORD = "medication.record"
    MEDICATION_READ = "medication.read"
    MEDICATION_CHANGE = "medication.change"
    SAFETY_PLAN_READ = "safety_plan.read"
    SAFETY_PLAN_WRITE = "safety_plan.write"
    JOURNEY_READ = "journey.read"
    CONTEXT_READ = "context.read"
    EVENT_READ = "event.read"
    PROGRESS_READ = "progress.read"
    PROGRESS_CASELOAD = "progress.caseload"
    WORKLIST_READ = "worklist.read"
    WORKLIST_SWEEP = "worklist.sweep"
    REPORT_REQUEST = "report.request"
    REPORT_READ = "report.read"
    REPORT_LIST = "report.list"
    REPORT_MAKE = "report.make"
    CHANGES_READ = "changes.read"
    WEBHOOK_REGISTER = "webhook.register"
    WEBHOOK_READ = "webhook.read"
    WEBHOOK_CHANGE = "webhook.change"
    WEBHOOK_DELIVER = "webhook.deliver"
    IMPORT_RUN = "import.run"
    AUDIT_READ_OWN = "audit.read_own"
    AUDIT_SEARCH = "audit.search"
    ACCOUNT_BOOTSTRAP = "account.bootstrap"
    ACCOUNT_CREATE = "account.create"
    ACCOUNT_READ = "account.read"
    ACCOUNT_READ_OWN = "account.read_own"
    ACCOUNT_LIST = "account.list"
    ACCOUNT_DIRECTORY = "account.directory"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_ENABLE = "account.enable"
    ACCOUNT_UNLOCK = "account.unlock"
    ACCOUNT_CHANGE_SUPERVISION = "account.change_supervision"
    ACCOUNT_RESET_PASSWORD = "account.reset_password"  # noqa: S105 - a code, not a password
    ACCOUNT_CHANGE_PASSWORD = "account.change_password"  # noqa: S105 - a code, not a password
    ACCOUNT_ADD_SECRET = "account.add_secret"  # noqa: S105 - a code, not a secret
    ACCOUNT_REVOKE_SECRET = "account.revoke_secret"  # noqa: S105 - a code, not a secret
    SIGN_IN_OPEN = "sign_in.open"
    SIGN_IN_REFRESH = "sign_in.refresh"
    SIGN_IN_SIGN_OUT = "sign_in.sign_out"


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


_CARERS: Final = frozenset((Role.CLINICIAN, Role.SUPERVISOR))
_CARE_TEAM: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN, Relation.SUPERVISOR))
_TREATING: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.CLINICIAN))
_LEADING: Final = frozenset((Relation.PRIMARY_CLINICIAN, Relation.SUPERVISOR))
_OWN: Final = frozenset((Relation.SELF, Relation.REPRESENTATIVE))
_AUTHOR: Final = frozenset((Relation.AUTHOR,))
_NOBODY: Final = frozenset((Relation.NONE,))
_CARE: Final = frozenset((Purpose.TREATMENT, Purpose.OPERATIONS, Purpose.CLIENT_REQUEST))
_REQUEST: Final = frozenset((Purpose.CLIENT_REQUEST,))
_OPERATIONS: Final = frozenset((Purpose.OPERATIONS,))
_COMPLIANCE: Final = frozenset((Purpose.COMPLIANCE, Purpose.CLIENT_REQUEST))
_ANY_PURPOSE: Final = frozenset(Purpose)
_PEOPLE: Final = frozenset(Role) - {Role.SERVICE}
_SERVICES: Final = frozenset((Role.SERVICE,))
_LET_IN: Final = frozenset((Relation.SYSTEM,))
_RECORD_READS: Final = (
    Action.SESSION_READ,
    Action.APPOINTMENT_READ,
    Action.TRANSCRIPT_READ,
    Action.GOAL_READ,
    Action.RISK_FLAG_READ,
    Action.TREATMENT_PLAN_READ,
    Action.DIAGNOSIS_READ,
    Action.MEDICATION_READ,
    Action.SAFETY_PLAN_READ,
)

SCOPES: Final[Mapping[Scope, frozenset[Action]]] = MappingProxyType(
    {
        Scope.CHANGES_READ: frozenset((Action.CHANGES_READ,)),
        Scope.JOURNEY_READ: frozenset((Action.CLIENT_READ, Action.JOURNEY_READ, *_RECORD_READS)),
        Scope.CONTEXT_READ: frozenset((Action.CONTEXT_READ,)),
        Scope.PROGRESS_READ: frozenset((Action.PROGRESS_READ,)),
        Scope.MEASURES_READ: frozenset((Action.MEASURE_READ, Action.INSTRUMENT_READ)),
        Scope.MEASURES_WRITE: frozenset((Action.MEASURE_RECORD, Action.INSTRUMENT_READ)),
    }
)
"""What a signed-in service account may ask for, by scope. A rule must allow it too: scopes only ever narrow."""


def _rule(  # noqa: PLR0913, PLR0917 - a row of the table, read in columns
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


RULES: Final[tuple[Rule, ...]] = (
    _rule(
        "carer_opens_chart",
        "Whoever treats people opens their charts, and looks first whether there is one.",
        _CARERS,
        _NOBODY,
        _CARE,
        RecordClass.IDENTITY,
        Action.CLIENT_REGISTER,
        Action.CLIENT_FIND,
        Action.CLIENT_CASELOAD,
    ),
    _rule(
        "compliance_finds_client",
        "A compliance officer answers people who ask about their own record, and must find its id to search the audit.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        _NOBODY,
        _COMPLIANCE,
        RecordClass.IDENTITY,
        Action.CLIENT_FIND,
    ),
    _rule(
        "care_team_knows_client",
        "The care team treats the person, not the number (45 CFR 164.506(c)).",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.IDENTITY,
        Action.IDENTITY_READ,
        Action.IDENTITY_CORRECT,
    ),
    _rule(
        "care_team_reads",
        "The care team and its supervisors read the journal for treatment and its supervision (45 CFR 164.506(c)).",
        _CARERS,
        _CARE_TEAM,
        _CARE,
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
        Action.CONTEXT_READ,
        Action.EVENT_READ,
        Action.PROGRESS_READ,
        Action.REPORT_REQUEST,
        Action.REPORT_READ,
    ),
    _rule(
        "care_team_reads_measures",
        "Scores are read by whoever reads the journal they belong to (45 CFR 164.506(c)).",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.MEASURES,
        Action.MEASURE_READ,
    ),
    _rule(
        "care_team_measures",
        "Any member of the team hands out a questionnaire, and takes back one that went into the wrong chart.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.MEASURES,
        Action.MEASURE_RECORD,
        Action.MEASURE_MARK_ENTERED_IN_ERROR,
    ),
    _rule(
        "care_team_answers_for_safety",
        "Danger is everybody's affair: any member raises a flag, takes it on, passes it up and keeps the safety plan.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.JOURNAL,
        Action.RISK_FLAG_RAISE,
        Action.RISK_FLAG_ACKNOWLEDGE,
        Action.RISK_FLAG_ESCALATE,
        Action.RISK_FLAG_RESOLVE,
        Action.SAFETY_PLAN_WRITE,
    ),
    _rule(
        "own_caseload",
        "Who treats people sees how all of them fare and what waits to be done.",
        _CARERS,
        _NOBODY,
        _CARE,
        RecordClass.JOURNAL,
        Action.PROGRESS_CASELOAD,
        Action.WORKLIST_READ,
        Action.REPORT_LIST,
    ),
    _rule(
        "anybody_reads_instruments",
        "Published questionnaires are no secret.",
        _PEOPLE,
        _NOBODY,
        _ANY_PURPOSE,
        RecordClass.MEASURES,
        Action.INSTRUMENT_READ,
    ),
    _rule(
        "treating_clinician_writes",
        "Only who treats the client writes the record; a supervisor who treats joins as a clinician.",
        _CARERS,
        _TREATING,
        _CARE,
        RecordClass.JOURNAL,
        Action.SESSION_RECORD,
        Action.DRAFT_SAVE,
        Action.TRANSCRIPT_ATTACH,
        Action.TRANSCRIPT_MARK_ENTERED_IN_ERROR,
        Action.GOAL_SET,
        Action.GOAL_REVISE,
        Action.GOAL_RECORD_PROGRESS,
        Action.GOAL_REACH_MILESTONE,
        Action.GOAL_COMPLETE,
        Action.GOAL_ABANDON,
        Action.GOAL_REOPEN,
        Action.GOAL_MARK_ENTERED_IN_ERROR,
        Action.TREATMENT_PLAN_WRITE,
        Action.DIAGNOSIS_RECORD,
        Action.DIAGNOSIS_CHANGE,
        Action.MEDICATION_RECORD,
        Action.MEDICATION_CHANGE,
    ),
    _rule(
        "care_team_plans",
        "Appointments are the team's affair: colleagues stand in and take messages.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.JOURNAL,
        Action.APPOINTMENT_PLAN,
        Action.APPOINTMENT_RESCHEDULE,
        Action.APPOINTMENT_HOLD,
        Action.APPOINTMENT_CANCEL,
        Action.APPOINTMENT_MISS,
        Action.APPOINTMENT_MARK_ENTERED_IN_ERROR,
    ),
    _rule(
        "care_team_takes_consent",
        "Whoever sits with the client records what was signed, and what was taken back.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.JOURNAL,
        Action.CLIENT_GIVE_CONSENT,
        Action.CLIENT_WITHDRAW_CONSENT,
    ),
    _rule(
        "author_completes",
        "An author answers for the entry and must be able to finish it, also after leaving the care team.",
        _CARERS,
        _AUTHOR,
        _CARE,
        RecordClass.JOURNAL,
        Action.SESSION_READ,
        Action.SESSION_AMEND,
        Action.SESSION_SIGN,
        Action.SESSION_ADD_ADDENDUM,
        Action.SESSION_MARK_ENTERED_IN_ERROR,
        Action.DRAFT_READ,
        Action.DRAFT_DISCARD,
    ),
    _rule(
        "author_lists_drafts",
        "One's own unfinished work.",
        _CARERS,
        _NOBODY,
        _CARE,
        RecordClass.JOURNAL,
        Action.DRAFT_LIST,
    ),
    _rule(
        "care_team_adds_addendum",
        "A colleague who knows better says so beside the original, never in it.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.JOURNAL,
        Action.SESSION_ADD_ADDENDUM,
    ),
    _rule(
        "supervisor_answers_for_trainee",
        "A trainee's supervisor answers for the treatment: reads, co-signs, or returns the entry.",
        frozenset((Role.SUPERVISOR,)),
        frozenset((Relation.SUPERVISOR,)),
        _CARE,
        RecordClass.JOURNAL,
        Action.SESSION_COSIGN,
        Action.SESSION_RETURN,
    ),
    _rule(
        "lead_corrects_chart",
        "Who leads the treatment keeps the chart right: the team in it, and what came into it by mistake.",
        _CARERS,
        _LEADING,
        _CARE,
        RecordClass.JOURNAL,
        Action.CLIENT_JOIN_CARE_TEAM,
        Action.CLIENT_LEAVE_CARE_TEAM,
        Action.CLIENT_MARK_ENTERED_IN_ERROR,
        Action.SESSION_MARK_ENTERED_IN_ERROR,
        Action.RISK_FLAG_MARK_ENTERED_IN_ERROR,
    ),
    _rule(
        "member_steps_down",
        "Nobody is kept in a care team; only its last primary clinician must hand over first.",
        _CARERS,
        _CARE_TEAM,
        _CARE,
        RecordClass.JOURNAL,
        Action.CLIENT_STEP_DOWN,
    ),
    _rule(
        "operator_reassigns",
        "People leave: an operator hands charts to a new clinician, and can't open one.",
        frozenset((Role.OPERATOR,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.JOURNAL,
        Action.CLIENT_JOIN_CARE_TEAM,
        Action.CLIENT_LEAVE_CARE_TEAM,
    ),
    _rule(
        "right_of_access",
        "People see their own record, themselves or by a representative (45 CFR 164.524, 164.502(g)).",
        frozenset((Role.CLIENT,)),
        _OWN,
        _REQUEST,
        RecordClass.JOURNAL,
        Action.CLIENT_READ,
        Action.SESSION_READ,
        Action.APPOINTMENT_READ,
        Action.TRANSCRIPT_READ,
        Action.GOAL_READ,
        Action.TREATMENT_PLAN_READ,
        Action.DIAGNOSIS_READ,
        Action.MEDICATION_READ,
        Action.SAFETY_PLAN_READ,
        Action.JOURNEY_READ,
        Action.PROGRESS_READ,
    ),
    _rule(
        "client_answers_questionnaires",
        "Self-report is the client's own: they answer, and see what they answered (45 CFR 164.524).",
        frozenset((Role.CLIENT,)),
        _OWN,
        _REQUEST,
        RecordClass.MEASURES,
        Action.MEASURE_RECORD,
        Action.MEASURE_READ,
    ),
    _rule(
        "right_to_know_identity",
        "People see what is held about who they are (45 CFR 164.524).",
        frozenset((Role.CLIENT,)),
        _OWN,
        _REQUEST,
        RecordClass.IDENTITY,
        Action.IDENTITY_READ,
    ),
    _rule(
        "client_decides",
        "Consent is the client's to give and to withdraw, and appointments are theirs to call off.",
        frozenset((Role.CLIENT,)),
        _OWN,
        _REQUEST,
        RecordClass.JOURNAL,
        Action.CLIENT_GIVE_CONSENT,
        Action.CLIENT_WITHDRAW_CONSENT,
        Action.APPOINTMENT_CANCEL,
    ),
    _rule(
        "own_trail",
        "Everybody may see what is on record about their own doings.",
        _PEOPLE,
        _NOBODY,
        _ANY_PURPOSE,
        RecordClass.AUDIT,
        Action.AUDIT_READ_OWN,
    ),
    _rule(
        "compliance_audits",
        "Compliance officers review activity (45 CFR 164.308(a)(1)(ii)(D)); entries hold codes, never clinical text.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        _NOBODY,
        _COMPLIANCE,
        RecordClass.AUDIT,
        Action.AUDIT_SEARCH,
    ),
    _rule(
        "own_account",
        "Everybody keeps their own account.",
        _PEOPLE,
        _NOBODY,
        _ANY_PURPOSE,
        RecordClass.ACCESS,
        Action.ACCOUNT_READ_OWN,
        Action.ACCOUNT_CHANGE_PASSWORD,
    ),
    _rule(
        "operator_runs_accounts",
        "Operators run accounts, and see nothing clinical.",
        frozenset((Role.OPERATOR,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.ACCESS,
        Action.ACCOUNT_CREATE,
        Action.ACCOUNT_LIST,
        Action.ACCOUNT_READ,
        Action.ACCOUNT_DISABLE,
        Action.ACCOUNT_ENABLE,
        Action.ACCOUNT_UNLOCK,
        Action.ACCOUNT_CHANGE_SUPERVISION,
        Action.ACCOUNT_ADD_SECRET,
        Action.ACCOUNT_REVOKE_SECRET,
    ),
    _rule(
        "carer_finds_colleague",
        "Who lets a colleague into a care team must find them: names and roles of staff, no logins, no clients.",
        _CARERS,
        _NOBODY,
        _CARE,
        RecordClass.ACCESS,
        Action.ACCOUNT_DIRECTORY,
    ),
    _rule(
        "compliance_reads_accounts",
        "Whose account it was is half of every audit question.",
        frozenset((Role.COMPLIANCE_OFFICER,)),
        _NOBODY,
        _COMPLIANCE,
        RecordClass.ACCESS,
        Action.ACCOUNT_READ,
    ),
    _rule(
        "host_makes_first_account",
        "Whoever runs commands on the host holds the root key already; there is no sign-in before the first account.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.ACCESS,
        Action.ACCOUNT_BOOTSTRAP,
    ),
    _rule(
        "host_resets_password",
        "A forgotten password is reset by whoever runs commands on the host; the owner's other sign-ins end.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.ACCESS,
        Action.ACCOUNT_RESET_PASSWORD,
    ),
    _rule(
        "worker_clears_drafts",
        "Forgotten drafts are no record and must not pile up.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.JOURNAL,
        Action.DRAFT_DISCARD_STALE,
    ),
    _rule(
        "worker_watches",
        "What nobody saw in time must not stay unseen: the worker looks through the records for what is overdue.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.JOURNAL,
        Action.WORKLIST_SWEEP,
        Action.RISK_FLAG_ESCALATE_OVERDUE,
        Action.REPORT_MAKE,
        Action.WEBHOOK_DELIVER,
    ),
    _rule(
        "platform_follows_changes",
        "The platform around the record learns by ids alone that something happened, and reads it by its own rights.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.ACCESS,
        Action.CHANGES_READ,
    ),
    _rule(
        "platform_reads_where_it_was_let_in",
        "Another program reads a chart only where who leads the treatment let it in, and what its scopes include.",
        _SERVICES,
        _LET_IN,
        _OPERATIONS,
        RecordClass.JOURNAL,
        Action.CLIENT_READ,
        *_RECORD_READS,
        Action.JOURNEY_READ,
        Action.CONTEXT_READ,
        Action.PROGRESS_READ,
    ),
    _rule(
        "platform_measures_where_it_was_let_in",
        "A program that hands out questionnaires to the team's clients records what they answered.",
        _SERVICES,
        _LET_IN,
        _OPERATIONS,
        RecordClass.MEASURES,
        Action.MEASURE_RECORD,
        Action.MEASURE_READ,
    ),
    _rule(
        "platform_reads_instruments",
        "Who hands out published questionnaires must know them.",
        _SERVICES,
        _NOBODY,
        _OPERATIONS,
        RecordClass.MEASURES,
        Action.INSTRUMENT_READ,
    ),
    _rule(
        "operator_runs_webhooks",
        "Where word of changes goes is decided by who runs the deployment; it carries ids, never text.",
        frozenset((Role.OPERATOR,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.ACCESS,
        Action.WEBHOOK_REGISTER,
        Action.WEBHOOK_READ,
        Action.WEBHOOK_CHANGE,
    ),
    _rule(
        "host_imports",
        "Whoever runs commands on the host holds the root key already, and answers for what is imported.",
        frozenset((Role.SERVICE,)),
        _NOBODY,
        _OPERATIONS,
        RecordClass.JOURNAL,
        Action.IMPORT_RUN,
    ),
)
