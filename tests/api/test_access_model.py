"""Whatever happens to teams, representatives, consents, broken glass and accounts: nobody reads what the model forbids, and
no right outlives its end. Hypothesis makes up the histories; a small model says what each read must answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from domain.ports.call import Role
from tests.api.conftest import House, User

CARERS = ("ann", "ben", "sue")
EVERYBODY = ("lead", *CARERS, "parent", "client", "officer", "operator", "engineer")
GLASS = timedelta(minutes=60)
TEAM = {"ann": ("clinician", "primary_clinician"), "ben": ("clinician",), "sue": ("supervisor", "clinician")}


@dataclass
class MovableClock:
    """The time of day, and as much later as the history says."""

    ahead: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Practice:
    house: House
    clock: MovableClock
    people: dict[str, User] = field(default_factory=dict)


@pytest.fixture(scope="module")
def practice(new_settings, another_house, tmp_path_factory) -> Iterator[Practice]:
    clock = MovableClock()
    chosen = new_settings(tmp_path_factory.mktemp("model"), ANAMNESIS_BREAK_GLASS_PER_DAY="1000")
    with another_house(chosen, ports={"clock": clock}) as house:
        roles = {"sue": Role.SUPERVISOR, "parent": Role.CLIENT, "officer": Role.COMPLIANCE_OFFICER}
        roles |= {"engineer": Role.ML_ENGINEER}
        people = {name: house.account(roles.get(name, Role.CLINICIAN)) for name in (*CARERS, "lead", *roles)}
        yield Practice(house, clock, people | {"operator": house.operator})


class Histories(RuleBasedStateMachine):
    """`team`, `glass` and `represents` are what the model believes; each holds ids of people, or when something ends."""

    practice: Practice

    def __init__(self) -> None:
        super().__init__()
        lead = self.practice.people["lead"]
        self.client_id = lead.new_client()
        self.sessions = {
            False: lead.new_session(self.client_id),
            True: lead.new_session(self.client_id, substance_use=True),
        }
        self.people = self.practice.people | {
            "client": self.practice.house.account(Role.CLIENT, client_id=self.client_id)
        }
        self.team: dict[str, str] = {}
        self.glass: dict[str, tuple[str, datetime]] = {}
        self.represents: datetime | None = None
        self.consent = ""
        self.disabled: set[str] = set()

    def teardown(self) -> None:
        for name in tuple(self.disabled):
            self.enable(name)

    def path(self, rest: str = "") -> str:
        return f"/v1/clients/{self.client_id}{rest}"

    # What happens

    @rule(data=st.data(), name=st.sampled_from(CARERS), by=st.sampled_from(["lead", "operator"]))
    def join(self, data, name, by):
        relation = data.draw(st.sampled_from(TEAM[name]))
        answer = self.people[by].put(self.path(f"/care-team/{self.people[name].id}"), {"relation": relation})
        taken = name in self.disabled or self.team.get(name) == relation
        assert answer.status_code == (409 if taken else 200), answer.text
        if answer.status_code == 200:
            self.team[name] = relation

    @rule(name=st.sampled_from(CARERS))
    def leave(self, name):
        answer = self.people["lead"].delete(self.path(f"/care-team/{self.people[name].id}"))
        assert answer.status_code == (200 if name in self.team else 409)
        self.team.pop(name, None)

    @rule(minutes=st.integers(1, 200), by=st.sampled_from(["lead", "officer"]))
    @precondition(lambda self: "parent" not in self.disabled)
    def let_representative_in(self, minutes, by):
        until = self.practice.clock.now() + timedelta(minutes=minutes)
        body = {"authority": "parent", "until": until.isoformat()}
        path = self.path(f"/representatives/{self.people['parent'].id}")
        assert self.people[by].put(path, body).status_code == 200
        self.represents = until

    @rule(by=st.sampled_from(["lead", "officer"]))
    @precondition(lambda self: self.represents is not None)
    def end_representation(self, by):
        path = self.path(f"/representatives/{self.people['parent'].id}")
        assert self.people[by].delete(path).status_code == 200
        self.represents = None

    @rule(name=st.sampled_from(CARERS))
    def break_glass(self, name):
        body = {"reason": "Somebody is in danger."}
        if not self.lives(name):
            return
        answer = self.people[name].post(self.path("/break-glass"), body, Purpose="emergency")
        assert answer.status_code == (409 if name in self.team or self.broken(name) else 201)
        if answer.status_code == 201:
            self.glass[name] = (answer.headers["Location"], self.practice.clock.now() + GLASS)

    @rule(name=st.sampled_from(CARERS), by=st.sampled_from(["self", "officer"]))
    def end_glass(self, name, by):
        if not self.broken(name) or (by == "self" and not self.lives(name)):
            return
        who = self.people[name if by == "self" else by]
        assert who.post(f"{self.glass[name][0]}/ended").status_code == 200
        del self.glass[name]

    @rule()
    @precondition(lambda self: not self.consent)
    def consent_to_treatment(self):
        body = {"purpose": "treatment", "document": "part-2/1", "given_at": "2026-03-01T10:00:00Z"}
        assert self.people["lead"].post(self.path("/consents"), body).status_code == 200
        (given,) = [
            one["id"] for one in self.people["lead"].get(self.path()).json()["consents"] if one["withdrawn_at"] is None
        ]
        self.consent = given

    @rule()
    @precondition(lambda self: self.consent)
    def withdraw_consent(self):
        assert self.people["client"].post(self.path(f"/consents/{self.consent}/withdrawn")).status_code == 200
        self.consent = ""

    @rule(name=st.sampled_from([*CARERS, "parent"]))
    def disable(self, name):
        if self.lives(name):
            self.switch(name, "disabled")
            self.disabled.add(name)

    @rule(name=st.sampled_from([*CARERS, "parent"]))
    def enable(self, name):
        if not self.lives(name):
            self.switch(name, "enabled")
            self.disabled.discard(name)
            self.people[name].since = -1e9  # signs in anew: its sign-ins ended when it was disabled

    def switch(self, name, to):
        path, operator = f"/v1/accounts/{self.people[name].id}", self.people["operator"]
        version = operator.get(path).headers["ETag"]
        assert operator.post(f"{path}/{to}", If_Match=version).status_code == 200

    @rule(minutes=st.sampled_from([1, 30, 59, 61, 180]))
    def time_goes_by(self, minutes):
        self.practice.clock.ahead += timedelta(minutes=minutes)
        for user in self.people.values():
            user.since = -1e9

    # What must hold

    @rule(
        name=st.sampled_from(EVERYBODY),
        purpose=st.sampled_from(
            ["", "treatment", "emergency", "client_request", "operations", "compliance", "research"]
        ),
        what=st.sampled_from(["", "/identity", "/journey", "/risk-flags", "session", "substance_use"]),
    )
    def somebody_reads(self, name, purpose, what):
        self.check(name, purpose, what)

    @invariant()
    def rights_are_what_they_are(self):
        for name in CARERS:
            self.check(name, "treatment", "/identity")

    def check(self, name: str, purpose: str, what: str) -> None:
        path = {"session": self.sessions[False], "substance_use": self.sessions[True]}.get(what, self.path(what))
        user, headers = self.people[name], {"Purpose": purpose} if purpose else {}
        if self.lives(name):
            status = user.get(path, **headers).status_code
        else:  # what it held is worth nothing, and nothing new is given out
            old = {"Authorization": f"Bearer {user.token}", **headers}
            status = self.practice.house.request("GET", path, headers=old).status_code
            assert status == 401, (name, purpose, what)
        assert (status == 200) is self.may(name, purpose, what), (name, purpose, what, status)

    def may(self, name: str, purpose: str, what: str) -> bool:
        if not self.lives(name) or name in {"officer", "operator", "engineer"}:
            return False
        if name in {"client", "parent"}:
            own = name == "client" or (self.represents is not None and self.practice.clock.now() < self.represents)
            told = what not in {"/risk-flags", "session", "substance_use"}  # nothing is signed yet
            return own and told and purpose in {"", "client_request"}
        if purpose == "emergency":
            return self.broken(name)
        if what == "substance_use" and purpose not in {"", "treatment"}:
            return False
        if name == "lead":
            return purpose in {"", "treatment", "operations", "client_request"}
        consented = what != "substance_use" or bool(self.consent)
        return name in self.team and consented and purpose in {"", "treatment", "operations", "client_request"}

    def lives(self, name: str) -> bool:
        return name not in self.disabled

    def broken(self, name: str) -> bool:
        return name in self.glass and self.practice.clock.now() < self.glass[name][1]


def run(practice: Practice, examples: int, steps: int) -> None:
    bound = type("HistoriesOfPractice", (Histories,), {"practice": practice})
    bounds = settings(
        max_examples=examples,
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    run_state_machine_as_test(bound, settings=bounds)


def test_no_read_that_the_model_forbids_and_no_right_that_outlives_its_end(practice):
    run(practice, examples=12, steps=25)


@pytest.mark.faults
def test_the_same_over_many_more_histories(practice):
    run(practice, examples=300, steps=50)
