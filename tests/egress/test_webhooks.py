"""Webhooks at the way out: without an agreement, under one that ended, and with records that it leaves out."""

import json
from uuid import uuid4

import pytest

from domain.model.disclosure import LegalBasis
from domain.model.webhook import PauseReason, Webhook, WebhookKind, WebhookStatus
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Purpose, Role
from domain.ports.egress import EgressAgreementEnded, EgressNotAgreed, EgressPurposeNotAgreed
from domain.ports.keys import RecordClass
from domain.ports.webhooks import DeliveryOutcome
from domain.services.access import Denied
from tests.domain.conftest import HOST
from tests.egress.kit import agreed

WORKER = Actor(id=HOST.id, role=Role.SERVICE)
URL = "https://platform.example/hooks"


@pytest.fixture
def operator(house):
    return house.person(Role.OPERATOR)


def registered(house, operator, agreement_id):
    webhook_id = uuid4()
    house.services.webhooks.register(
        house.call(operator), webhook_id, agreement_id=agreement_id, url=URL, kinds=tuple(WebhookKind)
    )
    return webhook_id


def deliver(house, webhook_id):
    call = house.call(WORKER)
    return house.services.webhooks.deliver(call, webhook_id), house.entries(call)


def standing(house, operator, webhook_id):
    webhook = house.services.webhooks.read(house.call(operator), webhook_id).webhook
    return webhook.status, webhook.pause_reason


def test_nobody_registers_an_address_that_no_agreement_covers(house, operator):
    ended = agreed(house.services, house.call(operator))
    house.services.agreements.end(house.call(operator), ended)
    for agreement_id, denial in (
        (uuid4(), EgressNotAgreed),
        (agreed(house.services, house.call(operator), hosts=("elsewhere.example",)), EgressNotAgreed),
        (agreed(house.services, house.call(operator), purposes=(Purpose.RESEARCH,)), EgressPurposeNotAgreed),
        (ended, EgressAgreementEnded),
    ):
        with pytest.raises(denial):
            registered(house, operator, agreement_id)


def test_one_from_before_agreements_pauses_until_it_is_placed_under_one(house, operator):
    webhook = Webhook.register(
        uuid4(),
        at=house.clock.now(),
        by=operator.id,
        url=URL,
        kinds=tuple(WebhookKind),
        secret=bytes(32),
        after=0,
    )
    house.ledger.save(house.call(operator), AuditEntry(action="webhook.register"), webhook)
    house.chart(house.person())
    assert deliver(house, webhook.id)[0] == 0
    assert house.sender.sent == []
    assert standing(house, operator, webhook.id) == (WebhookStatus.PAUSED, PauseReason.NOT_AGREED)
    with pytest.raises(EgressNotAgreed):
        house.services.webhooks.resume(house.call(operator), webhook.id)
    agreement_id = agreed(house.services, house.call(operator))
    house.services.webhooks.place_under(house.call(operator), webhook.id, agreement_id)
    house.services.webhooks.resume(house.call(operator), webhook.id)
    assert deliver(house, webhook.id)[0] == 3


def test_once_the_agreement_is_ended_nothing_more_goes_out_not_even_in_the_same_batch(house, operator):
    agreement_id = agreed(house.services, house.call(operator))
    webhook_id = registered(house, operator, agreement_id)
    house.chart(house.person())

    def end_it(_message):
        house.services.agreements.end(house.call(operator), agreement_id)
        return DeliveryOutcome.DELIVERED

    house.sender.answer = end_it
    taken, entries = deliver(house, webhook_id)
    assert (taken, len(house.sender.sent)) == (1, 1)
    assert standing(house, operator, webhook_id) == (WebhookStatus.PAUSED, PauseReason.NOT_AGREED)
    assert [(entry.action, entry.outcome, entry.reason) for entry in entries] == [
        ("disclosure.make", Outcome.ALLOWED, ""),
        ("webhook.deliver", Outcome.FAILED, "paused_not_agreed"),
    ]


def test_classes_that_are_not_agreed_are_passed_over_and_that_is_on_record(house, operator):
    agreement_id = agreed(house.services, house.call(operator), classes=(RecordClass.IDENTITY,))
    webhook_id = registered(house, operator, agreement_id)
    client_id = house.chart(house.person())
    taken, entries = deliver(house, webhook_id)
    assert taken == 1
    assert [(entry.client_id, entry.outcome, entry.reason) for entry in entries] == [
        (client_id, Outcome.ALLOWED, ""),
        (client_id, Outcome.DENIED, "egress_class_not_agreed"),
    ]
    assert {entry.resources for entry in entries} == {(agreement_id, webhook_id)}
    (sent,) = [json.loads(message.body)["data"]["position"] for _, message in house.sender.sent]
    assert house.deliveries.of(webhook_id).position >= sent
    assert deliver(house, webhook_id)[0] == 0


def test_what_was_given_by_hand_is_accounted_for_with_recipient_day_and_classes(house, operator):
    lead, officer, stranger = house.person(), house.person(Role.COMPLIANCE_OFFICER), house.person()
    client_id = house.chart(lead)
    agreement_id = agreed(house.services, house.call(operator), recipient="County court")
    what = {
        "agreement_id": agreement_id,
        "purpose": Purpose.COMPLIANCE,
        "classes": (RecordClass.JOURNAL,),
        "disclosed_on": house.clock.now().date(),
        "basis": LegalBasis.COURT_ORDER,
    }
    record = house.services.disclosures.record
    record(house.call(lead), uuid4(), client_id, **what)
    officers = house.call(officer, purpose=Purpose.COMPLIANCE)
    record(officers, uuid4(), client_id, **{**what, "basis": LegalBasis.UNINTENDED})
    for who in (stranger, operator):
        with pytest.raises(Denied):
            record(house.call(who), uuid4(), client_id, **what)
    asked = house.call(officer, purpose=Purpose.COMPLIANCE)
    listed = house.services.audit.disclosures(asked, client_id)
    assert [(each.recipient, each.given.basis, each.given.classes) for each in listed] == [
        ("County court", "unintended", ("journal",)),
        ("County court", "court_order", ("journal",)),
    ]
    house.log.fences.add(client_id)
    record(house.call(officer, purpose=Purpose.COMPLIANCE), uuid4(), client_id, **what)
    assert len(house.services.audit.disclosures(house.call(officer, purpose=Purpose.COMPLIANCE), client_id)) == 3
