"""What may leave: the decision against a second telling of it, and permits that are old, used, altered or for elsewhere."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.memory.identity import InMemoryClock
from adapters.memory.ledger import InMemoryAggregates
from domain.errors import Invalid
from domain.model.agreement import LEAVING, Agreement, AgreementKind
from domain.ports.call import Actor, Purpose, Role
from domain.ports.egress import (
    Departure,
    EgressDenied,
    Form,
    PermitRefused,
)
from domain.ports.keys import RecordClass
from domain.services.access import RoleNotPermitted
from domain.services.egress import PERMIT_LASTS, EgressService, PermitOffice
from tests.contracts.samples import call_by
from tests.domain.conftest import HOST
from tests.egress.kit import TERMS

WORKER = Actor(id=HOST.id, role=Role.SERVICE)
HOSTS = ("platform.example", "other.example")
CLIENTS = (uuid4(), uuid4())
CLASSES = st.frozensets(st.sampled_from(sorted(LEAVING)), max_size=3)


class World:
    """The use case with one agreement, and what two clients consented to."""

    def __init__(self, agreement=None, consented=frozenset()):
        self.clock = InMemoryClock()
        self.agreement, self.consents = agreement, consented
        self.office = PermitOffice(agreements=self, clock=self.clock)
        self.service = EgressService(access=self, state=self, agreements=self, office=self.office)

    def require_role(self, call, action, resources=(), client_id=None):
        if call.actor.role is not Role.SERVICE:
            raise RoleNotPermitted

    def consented(self, client_id, purpose):
        return (client_id, purpose) in self.consents

    def get(self, _agreement_id):
        return self.agreement

    def permit(self, departure):
        return self.service.permit(call_by(WORKER, self.clock.now()), departure)


def agreement(at, **terms):
    return Agreement.record(uuid4(), at=at, by=uuid4(), **{**TERMS, **terms})


def departure(of, **more):
    plain = {"host": HOSTS[0], "purpose": Purpose.OPERATIONS, "form": Form.IDS}
    whose = {"clients": frozenset(CLIENTS[:1]), "classes": frozenset((RecordClass.JOURNAL,))}
    return Departure(**{"agreement_id": of.id, **plain, **whose, **more})


def told(world, at, wanted):
    """The code of the denial, or nothing."""
    try:
        world.service.permit(call_by(WORKER, at), wanted)
    except EgressDenied as denial:
        return denial.code
    return ""


def oracle(kind, terms, asked, consents, day):
    """The rules as docs/egress.md tells them, one sentence after the other."""
    if day < terms["signed_on"] - timedelta(days=1) or asked.host not in terms["hosts"]:
        return "egress_not_agreed"
    if terms["ends_on"] is not None and day > terms["ends_on"]:
        return "egress_agreement_ended"
    if asked.purpose not in terms["purposes"]:
        return "egress_purpose_not_agreed"
    too_much = asked.form is Form.TEXT and terms["form"] is Form.IDS
    if too_much or asked.classes - set(terms["classes"]):
        return "egress_class_not_agreed"
    by_consent = (
        kind in {"research", "other"}
        or asked.purpose in {"research", "model_training"}
        or ("sud" in asked.classes and asked.purpose != "operations")
    )
    if by_consent and (not asked.clients or {(one, asked.purpose) for one in asked.clients} - consents):
        return "egress_consent_missing"
    return ""


@given(
    kind=st.sampled_from(AgreementKind),
    purposes=st.frozensets(st.sampled_from(Purpose), min_size=1),
    classes=CLASSES,
    form=st.sampled_from(Form),
    hosts=st.frozensets(st.sampled_from(HOSTS)),
    lasts=st.none() | st.integers(0, 40),
    passed=st.integers(-2, 60),
    asked_classes=CLASSES | st.just(frozenset((RecordClass.NOTES,))),
    asked=st.fixed_dictionaries(
        {
            "host": st.sampled_from(HOSTS),
            "purpose": st.sampled_from(Purpose),
            "form": st.sampled_from(Form),
            "clients": st.frozensets(st.sampled_from(CLIENTS)),
        }
    ),
    consents=st.frozensets(st.tuples(st.sampled_from(CLIENTS), st.sampled_from(Purpose))),
)
def test_what_may_leave_is_what_the_rules_say_and_nothing_else(  # noqa: PLR0917 - what the decision depends on
    kind, purposes, classes, form, hosts, lasts, passed, asked_classes, asked, consents
):
    now = InMemoryClock().now()
    if kind is not AgreementKind.QUALIFIED_SERVICE_ORGANISATION:
        classes -= {RecordClass.SUD}
    signed = (now - timedelta(days=20)).date()
    terms = {
        "purposes": tuple(purposes),
        "classes": tuple(classes),
        "form": form,
        "hosts": tuple(hosts),
        "signed_on": signed,
        "ends_on": None if lasts is None else signed + timedelta(days=lasts),
    }
    world = World(agreement(now, kind=kind, **terms), consents)
    at = now + timedelta(days=passed - 20)
    wanted = departure(world.agreement, classes=asked_classes, **asked)
    expected = oracle(kind, terms, wanted, consents, at.date())
    assert told(world, at, wanted) == expected


def test_without_an_agreement_or_under_an_unknown_one_nothing_leaves(house):
    service = EgressService(
        access=house.access,
        state=house.state,
        agreements=InMemoryAggregates(house.log, Agreement),
        office=house.office,
    )
    for unknown in (None, uuid4()):
        asked = Departure(
            agreement_id=unknown,
            host=HOSTS[0],
            purpose=Purpose.OPERATIONS,
            form=Form.IDS,
            clients=frozenset(),
            classes=frozenset(),
        )
        with pytest.raises(EgressDenied) as denied:
            service.permit(house.call(WORKER), asked)
        assert denied.value.code == "egress_not_agreed"
        with pytest.raises(RoleNotPermitted):
            service.permit(house.call(house.person(Role.OPERATOR)), asked)


def test_a_permit_is_good_once_for_its_host_while_it_and_its_agreement_last():
    now = InMemoryClock().now()
    world = World(agreement(now))
    wanted = departure(world.agreement)
    good = world.permit(wanted)
    world.office.redeem(good, HOSTS[0])
    for hostile in (
        good,
        replace(world.permit(wanted), host=HOSTS[1]),
        replace(world.permit(wanted), until=now + timedelta(days=9)),
        replace(world.permit(wanted), id=uuid4()),
        replace(world.permit(wanted), agreement_id=uuid4()),
    ):
        with pytest.raises(PermitRefused):
            world.office.redeem(hostile, hostile.host)
    with pytest.raises(PermitRefused):
        world.office.redeem(world.permit(wanted), HOSTS[1])
    with pytest.raises(PermitRefused):
        PermitOffice(agreements=world, clock=world.clock).redeem(world.permit(wanted), HOSTS[0])
    late = world.permit(wanted)
    world.clock.forward(int(PERMIT_LASTS.total_seconds()))
    with pytest.raises(PermitRefused):
        world.office.redeem(late, HOSTS[0])
    ended = world.permit(wanted)
    world.agreement.end(at=world.clock.now(), by=uuid4())
    with pytest.raises(PermitRefused):
        world.office.redeem(ended, HOSTS[0])


@pytest.mark.parametrize(
    "terms",
    [
        {"classes": (RecordClass.NOTES,)},
        {"classes": (RecordClass.ACCESS,)},
        {"classes": (RecordClass.SUD,), "kind": AgreementKind.BUSINESS_ASSOCIATE},
        {"hosts": ("*.example/x",)},
        {"hosts": ("Platform.example",)},
        {"purposes": ()},
        {"recipient": " "},
        {"signed_on": date(2999, 1, 1)},
        {"ends_on": date(2019, 1, 1)},
    ],
)
def test_agreements_that_cannot_be_are_refused(terms):
    with pytest.raises(Invalid):
        agreement(InMemoryClock().now(), **terms)
