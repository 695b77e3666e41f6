"""What must hold of the permission table, whatever its rules; policy.cedar states the rules a second time."""

from itertools import product

import pytest

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role, Scope
from domain.ports.keys import RecordClass
from domain.services.access import Action, Decision, compiled, decide
from domain.services.policy import RULES, SCOPES, Rule

R, P, C = Relation, Purpose, RecordClass
OWN_ENTRY = {"account.enrol_second_factor", "account.remove_second_factor", "account.link_own_identity"}


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
