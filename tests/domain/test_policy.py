"""The permission table against the same policy written down a second time, as sentences that a person can check."""

from itertools import product

import pytest

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role, Scope
from domain.ports.keys import RecordClass
from domain.services.access import Action, Decision, compiled, decide
from domain.services.policy import RULES, SCOPES, Rule
from tests.domain.oracle_apart import of_notes, of_substance_use

R, P, C = Relation, Purpose, RecordClass
OWN_ENTRY = {"account.enrol_second_factor", "account.remove_second_factor", "account.link_own_identity"}


def oracle(  # noqa: PLR0911 - one sentence a role
    role: Role, action: str, record_class: RecordClass, relation: Relation, consented: bool, purpose: Purpose
) -> bool:
    """The policy, told by who asks."""
    subject = action.partition(".")[0]
    # One's own keys and doors, whoever one is; programs have secrets instead.
    if (action.endswith("_own") and subject == "sign_in") or action in OWN_ENTRY:
        return role is not Role.SERVICE and record_class is C.ACCESS and relation is R.NONE
    # What gets somebody in again or shuts them out: who runs accounts, and of that the host what needs no judgement.
    if action in {"sign_in.list", "sign_in.revoke", "account.link_identity", "account.reset_second_factor"}:
        runs = role is Role.OPERATOR or (role is Role.SERVICE and action == "account.reset_second_factor")
        return runs and purpose is P.OPERATIONS and record_class is C.ACCESS and relation is R.NONE
    if subject == "sign_in":
        return False  # signing in is not decided by a table: nobody is anybody before it
    own = action in {"audit.read_own", "account.read_own", "account.change_password"}
    if own:
        right_class = record_class is (C.AUDIT if action == "audit.read_own" else C.ACCESS)
        return role is not Role.SERVICE and right_class and relation is R.NONE
    if action == "log.read" and role is not Role.SERVICE:
        return record_class is C.AUDIT and relation is R.NONE  # hashes for everybody: that is what they are for
    if action == "instrument.read" and role is not Role.SERVICE:
        return record_class is C.MEASURES and relation is R.NONE  # what is published is open to everybody, for anything
    if action == "export.make":
        return export(role, record_class, relation, consented, purpose)
    if action.startswith("note.") or record_class in {C.NOTES, C.SUD_NOTES}:
        return of_notes(role, action, record_class, relation, purpose)
    if record_class is C.SUD:
        return of_substance_use(role, action, relation, consented, purpose)
    if action.partition(".")[0] in {"erasure", "hold", "retention"}:
        return ending(role, action, record_class, relation, purpose)
    match role:
        case Role.CLINICIAN | Role.SUPERVISOR:
            return purpose in {P.TREATMENT, P.OPERATIONS, P.CLIENT_REQUEST} and carer(
                role, action, record_class, relation
            )
        case Role.CLIENT:
            return purpose is P.CLIENT_REQUEST and client(action, record_class, relation)
        case Role.COMPLIANCE_OFFICER:
            return (
                purpose in {P.COMPLIANCE, P.CLIENT_REQUEST}
                and relation is R.NONE
                and officer(action, record_class)
            )
        case Role.OPERATOR:
            return purpose is P.OPERATIONS and relation is R.NONE and operator(action, record_class)
        case Role.SERVICE:
            return purpose is P.OPERATIONS and service(action, record_class, relation)
        case Role.ML_ENGINEER:
            return False


def export(role: Role, record_class: RecordClass, relation: Relation, consented: bool, purpose: Purpose) -> bool:
    """Out go who the client is, the journal, the measures; substance use under consent, unless it is the client's own."""
    ordinary = record_class in {C.IDENTITY, C.JOURNAL, C.MEASURES}
    match role:
        case Role.CLINICIAN | Role.SUPERVISOR:
            leads = relation in {R.PRIMARY_CLINICIAN, R.SUPERVISOR}
            right = purpose in {P.TREATMENT, P.OPERATIONS, P.CLIENT_REQUEST}
            return leads and right and (ordinary or (record_class is C.SUD and consented))
        case Role.CLIENT:
            own = relation in {R.SELF, R.REPRESENTATIVE} and purpose is P.CLIENT_REQUEST
            return own and (ordinary or record_class is C.SUD)
        case Role.SERVICE:
            return relation is R.NONE and purpose is P.OPERATIONS and (ordinary or record_class is C.SUD)
    return False


def carer(  # noqa: C901, PLR0911, PLR0912 - one sentence a group of actions
    role: Role, action: str, record_class: RecordClass, relation: Relation
) -> bool:
    # Before there is a relation: open a chart, look whether there is one, list what is one's own.
    if action in {"client.register", "client.find", "client.caseload"}:
        return record_class is C.IDENTITY and relation is R.NONE
    if action in {"draft.list", "progress.caseload", "worklist.read", "report.list"}:
        return record_class is C.JOURNAL and relation is R.NONE
    # Find a colleague by name and role; accounts are otherwise not a carer's affair.
    if action == "account.directory":
        return record_class is C.ACCESS and relation is R.NONE
    member = relation in {R.PRIMARY_CLINICIAN, R.CLINICIAN, R.SUPERVISOR}
    if action.startswith("identity."):
        return record_class is C.IDENTITY and member
    # Questionnaires lie under a key of their own; whoever is in the team hands them out, reads them, takes them back.
    if action.startswith("measure."):
        return record_class is C.MEASURES and member
    if record_class is not C.JOURNAL:
        return False
    author = relation is R.AUTHOR
    treating = member and relation is not R.SUPERVISOR
    subject, verb = action.split(".")
    # All that is told of a client is read by the whole team, and reports are made of it.
    told = {"client", "journey", "transcript", "goal", "risk_flag", "context", "event", "progress", "report"}
    told |= {"treatment_plan", "diagnosis", "medication", "safety_plan"}
    if verb == "read" and subject in told:
        return member
    match action:
        case "client.step_down" | "client.give_consent" | "client.withdraw_consent" | "report.request":
            return member
        # Danger is everybody's affair, supervisors' too; that a flag was never due is said by who leads.
        case "risk_flag.raise" | "risk_flag.acknowledge" | "risk_flag.escalate" | "risk_flag.resolve":
            return member
        case "safety_plan.write":
            return member
        case "risk_flag.mark_entered_in_error":
            return relation in {R.PRIMARY_CLINICIAN, R.SUPERVISOR}
        case "session.read" | "session.add_addendum":
            return member or author
        case "session.record" | "draft.save":
            return treating
        case "session.amend" | "session.sign" | "draft.read" | "draft.discard":
            return author
        case "session.cosign" | "session.return":
            return role is Role.SUPERVISOR and relation is R.SUPERVISOR
        case "session.mark_entered_in_error":
            return author or relation in {R.PRIMARY_CLINICIAN, R.SUPERVISOR}
        case "client.join_care_team" | "client.leave_care_team" | "client.mark_entered_in_error":
            return relation in {R.PRIMARY_CLINICIAN, R.SUPERVISOR}
    # What the treatment is and where it leads is written by who treats.
    if subject in {"transcript", "goal", "treatment_plan", "diagnosis", "medication"}:
        return treating
    return subject == "appointment" and member


def officer(action: str, record_class: RecordClass) -> bool:
    if record_class is C.AUDIT:
        return action in {"audit.search", "audit.export", "audit.read_of_client", "audit.account_disclosures"}
    return (action, record_class) in {("client.find", C.IDENTITY), ("account.read", C.ACCESS)}


def client(action: str, record_class: RecordClass, relation: Relation) -> bool:
    if relation not in {R.SELF, R.REPRESENTATIVE}:
        return False
    # Who looked, and to whom it went.
    if record_class is C.AUDIT:
        return action in {"audit.read_of_client", "audit.account_disclosures"}
    if action == "identity.read":
        return record_class is C.IDENTITY
    # Their own answers; what else the class of measures holds is nobody's but the team's.
    if action.startswith("measure."):
        return record_class is C.MEASURES and action in {"measure.record", "measure.read"}
    # All that is kept about them but the alarm bells: those are between the people who answer for their safety.
    told = {"client", "session", "appointment", "journey", "transcript", "goal", "progress"}
    told |= {"treatment_plan", "diagnosis", "medication", "safety_plan"}
    seen = {f"{subject}.read" for subject in told}
    decided = {"client.give_consent", "client.withdraw_consent", "appointment.cancel"}
    return record_class is C.JOURNAL and action in seen | decided


def service(action: str, record_class: RecordClass, relation: Relation) -> bool:
    # Another program of the practice: the record, where a lead let it in, and what its scopes then leave of it.
    if relation is R.SYSTEM:
        if record_class is C.MEASURES:
            return action in {"measure.record", "measure.read"}
        things = {"client", "session", "appointment", "transcript", "goal", "risk_flag"}
        things |= {"treatment_plan", "diagnosis", "medication", "safety_plan", "journey", "context", "progress"}
        return record_class is C.JOURNAL and action in {f"{thing}.read" for thing in things}
    # The worker and commands on the host: nobody's chart.
    return relation is R.NONE and (action, record_class) in {
        ("account.bootstrap", C.ACCESS),
        ("account.add_secret", C.ACCESS),
        ("account.reset_password", C.ACCESS),
        ("draft.discard_stale", C.JOURNAL),
        ("keys.sweep", C.ACCESS),
        ("audit.search", C.AUDIT),
        ("audit.export", C.AUDIT),
        ("audit.account_disclosures", C.AUDIT),
        ("worklist.sweep", C.JOURNAL),
        ("risk_flag.escalate_overdue", C.JOURNAL),
        ("report.make", C.JOURNAL),
        ("webhook.deliver", C.JOURNAL),
        ("changes.read", C.ACCESS),
        ("import.run", C.JOURNAL),
        ("backup.take", C.ACCESS),
        ("backup.restore", C.ACCESS),
        # Keys are the host's: no account, whatever its role, moves or hands out one.
        ("keys.rotate", C.ACCESS),
        ("keys.share", C.ACCESS),
        ("keys.recover", C.ACCESS),
        ("instrument.read", C.MEASURES),
        ("log.read", C.AUDIT),
        ("log.checkpoint", C.AUDIT),
    }


def ending(role: Role, action: str, record_class: RecordClass, relation: Relation, purpose: Purpose) -> bool:
    """Compliance officers decide about the end of records; who has the machine carries it out. Nobody in a care team may."""
    if relation is not R.NONE or record_class is not C.ACCESS:
        return False
    if role is Role.COMPLIANCE_OFFICER:
        asked = action not in {"erasure.carry_out", "retention.sweep"}
        return asked and purpose in {P.COMPLIANCE, P.CLIENT_REQUEST}
    return role is Role.SERVICE and purpose is P.OPERATIONS


def operator(action: str, record_class: RecordClass) -> bool:
    if record_class is C.JOURNAL:
        return action in {"client.join_care_team", "client.leave_care_team"}
    if action in {"webhook.register", "webhook.read", "webhook.change"}:
        return record_class is C.ACCESS
    kept = {"create", "list", "read", "disable", "enable", "unlock", "change_supervision"}
    kept |= {"add_secret", "revoke_secret"}
    return record_class is C.ACCESS and action.startswith("account.") and action.split(".")[1] in kept


@pytest.mark.parametrize("role", Role)
def test_the_table_says_what_the_policy_says_in_every_combination(role):
    for action, record_class, relation, consented, purpose in product(Action, C, R, (True, False), P):
        decision = decide(role, action, record_class, relation, consented, purpose)
        expected = oracle(role, action.value, record_class, relation, consented, purpose)
        assert decision.allowed is expected, (role, action, record_class, relation, consented, purpose, decision)
        assert decision.reason


@pytest.mark.parametrize("record_class", [C.VIEW, C.CURSOR, C.TOKEN, C.MAC])
def test_classes_without_a_rule_are_closed_to_everybody(record_class):
    everything = product(Role, Action, R, (True, False), P)
    assert not any(decide(role, action, record_class, *rest).allowed for role, action, *rest in everything)


READING = [
    Action.SESSION_READ,
    Action.JOURNEY_READ,
    Action.CLIENT_READ,
    Action.DRAFT_READ,
    Action.IDENTITY_READ,
    Action.TRANSCRIPT_READ,
    Action.MEASURE_READ,
    Action.GOAL_READ,
    Action.RISK_FLAG_READ,
    Action.SAFETY_PLAN_READ,
    Action.PROGRESS_READ,
    Action.CONTEXT_READ,
]


@pytest.mark.parametrize("role", [Role.ML_ENGINEER, Role.OPERATOR, Role.COMPLIANCE_OFFICER])
def test_who_does_not_treat_never_reads_what_clients_said(role):
    combinations = product(READING, C, R, (True, False), P)
    assert not any(decide(role, *combination).allowed for combination in combinations)


def test_other_programs_read_what_clients_said_only_where_they_were_let_in():
    combinations = product(READING, C, set(R) - {R.SYSTEM}, (True, False), P)
    assert not any(decide(Role.SERVICE, *combination).allowed for combination in combinations)


def test_no_scope_includes_what_no_rule_allows_a_service():
    ruled = {action for rule in RULES if Role.SERVICE in rule.roles for action in rule.actions}
    assert set(SCOPES) == set(Scope)
    assert all(actions and actions <= ruled for actions in SCOPES.values())


def test_no_scope_includes_what_only_the_worker_and_the_host_may_do():
    inner = {"account", "draft", "worklist", "report", "webhook", "import", "audit", "sign_in"}
    for actions in SCOPES.values():
        assert not {action.value.partition(".")[0] for action in actions} & inner
        assert Action.RISK_FLAG_ESCALATE_OVERDUE not in actions


@pytest.mark.parametrize("purpose", [P.MODEL_TRAINING, P.RESEARCH])
def test_the_identified_record_is_never_opened_for_models_or_research(purpose):
    everything = product(Role, Action, (C.JOURNAL, C.IDENTITY), R, (True, False), (purpose,))
    assert not any(decide(*combination).allowed for combination in everything)


@pytest.mark.parametrize("purpose", [P.MODEL_TRAINING, P.RESEARCH])
def test_of_measures_only_what_is_published_is_open_for_models_and_research(purpose):
    everything = product(Role, set(Action) - {Action.INSTRUMENT_READ}, (C.MEASURES,), R, (True, False), (purpose,))
    assert not any(decide(*combination).allowed for combination in everything)


def test_accounts_of_clients_never_touch_risk_flags():
    flags = [action for action in Action if action.startswith("risk_flag.")]
    assert len(flags) == 7
    everything = product([Role.CLIENT], flags, C, R, (True, False), P)
    assert not any(decide(*combination).allowed for combination in everything)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ((Role.ML_ENGINEER, Action.SESSION_READ, C.JOURNAL, R.NONE, True, P.MODEL_TRAINING), "role_not_permitted"),
        ((Role.CLINICIAN, Action.SESSION_READ, C.NOTES, R.CLINICIAN, True, P.TREATMENT), "class_not_permitted"),
        ((Role.CLINICIAN, Action.SESSION_READ, C.JOURNAL, R.NONE, True, P.TREATMENT), "outside_care_team"),
        ((Role.CLINICIAN, Action.SESSION_SIGN, C.JOURNAL, R.CLINICIAN, True, P.TREATMENT), "not_the_author"),
        (
            (Role.CLINICIAN, Action.CLIENT_JOIN_CARE_TEAM, C.JOURNAL, R.CLINICIAN, True, P.TREATMENT),
            "relation_not_permitted",
        ),
        ((Role.CLINICIAN, Action.SESSION_READ, C.JOURNAL, R.CLINICIAN, True, P.RESEARCH), "purpose_not_permitted"),
        ((Role.CLINICIAN, Action.SESSION_READ, C.JOURNAL, R.CLINICIAN, False, P.TREATMENT), "care_team_reads"),
    ],
)
def test_a_decision_names_its_reason(asked, reason):
    assert decide(*asked).reason == reason


def test_every_rule_says_why():
    assert all(len(rule.because) > 20 and rule.name.isidentifier() for rule in RULES)
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_every_action_but_signing_in_is_allowed_to_somebody():
    ruled = {action for rule in RULES for action in rule.actions}
    assert {action for action in Action if action not in ruled} == {
        Action.SIGN_IN_OPEN,
        Action.SIGN_IN_REFRESH,
        Action.SIGN_IN_SIGN_OUT,
        Action.SIGN_IN_CHALLENGE,
    }


def test_a_rule_that_needs_consent_allows_nothing_without_it():
    rule = Rule(
        name="disclosed_with_consent",
        because="Part 2 records leave the team with consent only.",
        roles=frozenset({Role.CLINICIAN}),
        actions=frozenset({Action.SESSION_READ}),
        record_class=C.SUD,
        relations=frozenset({R.CLINICIAN}),
        purposes=frozenset({P.TREATMENT}),
        needs_consent=True,
    )
    key = (Role.CLINICIAN, Action.SESSION_READ, C.SUD, R.CLINICIAN)
    assert compiled((rule,)) == {(*key, True, P.TREATMENT): Decision(True, "disclosed_with_consent")}
