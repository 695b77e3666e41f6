"""Who may do what, to which class of record, standing how to the client, for which purpose, and why that is right.

Deny by default: what no rule allows is denied. `tests/domain/test_policy.py` states the same rules in other words and
compares the two over every combination.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
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
    JOURNEY_READ = "journey.read"
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
        Action.JOURNEY_READ,
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
        Action.JOURNEY_READ,
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
)
