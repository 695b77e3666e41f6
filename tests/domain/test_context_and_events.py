"""Contexts and single events as use cases: who may, over which part of the record, and what is put on record."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from domain.errors import Erased
from domain.model.checks import ImpossibleTime, OutOfRange
from domain.model.client import ClientNotFound
from domain.model.transcript import Speaker, Utterance
from domain.model.values import MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.progress.period import LookBackNotUnderstood, PeriodNotPossible
from domain.services.access import OutsideCareTeam, RoleNotPermitted
from domain.services.context import Wanted
from domain.services.events import EventNotFound
from tests.contracts.samples import content

WANTED = Wanted(budget_tokens=4096)


@pytest.fixture
def people(house):
    """(clinician, colleague outside, client's own account, client)."""
    clinician, colleague = house.person(Role.CLINICIAN), house.person(Role.CLINICIAN)
    client_id = house.chart(clinician)
    return clinician, colleague, house.person(Role.CLIENT, client_id=client_id), client_id


@pytest.fixture
def recorded(house, people):
    """Sessions of the last three days, the eldest about the harbour; and their ids, newest first."""
    clinician, _, _, client_id = people
    ids = []
    for days, summary in enumerate(("About tea.", "About rain.", "About the harbour.")):
        call = house.call(clinician)
        took_place = MomentInZone.of(call.at - timedelta(days=days, hours=1), "Europe/Berlin")
        ids.append(uuid4())
        house.services.sessions.record(call, ids[-1], client_id, content(summary, took_place=took_place))
    return ids


def test_a_context_is_on_record_by_what_it_shows(house, people, recorded):
    clinician, _, _, client_id = people
    call = house.call(clinician)
    context = house.services.context.select(call, client_id, WANTED)
    assert [one.id for one in context.items] == recorded[::-1]
    (entry,) = house.entries(call)
    assert (entry.action, entry.client_id, entry.outcome) == ("context.read", client_id, "allowed")
    assert entry.resources == (client_id, *recorded[::-1])


def test_supervisors_of_the_team_may_and_nobody_else(house, people, recorded):
    clinician, colleague, own, client_id = people
    supervisor = house.person(Role.SUPERVISOR)
    house.services.clients.join_care_team(house.call(clinician), client_id, supervisor.id, Relation.SUPERVISOR)
    assert house.services.context.select(house.call(supervisor), client_id, WANTED).items
    for who, denial in ((colleague, OutsideCareTeam), (own, RoleNotPermitted)):
        call = house.call(who)
        with pytest.raises(denial):
            house.services.context.select(call, client_id, WANTED)
        assert house.reasons(call) == [("context.read", "denied", denial.code)]
    with pytest.raises(ClientNotFound):
        house.services.context.select(house.call(clinician), uuid4(), WANTED)


def test_the_period_is_half_open_and_the_clinics(house, people, recorded):
    clinician, _, _, client_id = people
    call = house.call(clinician)

    def shown(**period):
        return [one.id for one in house.services.context.select(call, client_id, replace(WANTED, **period)).items]

    middle = call.at - timedelta(days=1, hours=1)
    assert shown(since=middle) == recorded[1::-1]
    assert shown(until=middle) == recorded[2:]
    assert shown(since=middle, until=middle + timedelta(microseconds=1)) == [recorded[1]]
    assert set(shown(look_back="2d")) >= {recorded[0], recorded[1]}
    assert shown(look_back="1y", until=middle) == recorded[2:]


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"budget_tokens": 255}, OutOfRange),
        ({"budget_tokens": True}, OutOfRange),
        ({"look_back": "soon"}, LookBackNotUnderstood),
        ({"kinds": ("identity",)}, OutOfRange),
        ({"classes": ("notes",)}, OutOfRange),
        ({"goal_ids": tuple(uuid4() for _ in range(21))}, OutOfRange),
    ],
    ids=["budget", "no number", "look-back", "kind", "class", "goals"],
)
def test_what_can_not_be_meant_is_refused_before_anything_is_read(house, people, wrong, error):
    clinician, _, _, client_id = people
    call = house.call(clinician)
    with pytest.raises(error):
        house.services.context.select(call, client_id, replace(WANTED, **wrong))
    assert house.entries(call) == []


def test_periods_that_run_backwards_or_twice_are_refused(house, people):
    clinician, _, _, client_id = people
    call = house.call(clinician)
    for period, error in (
        ({"since": call.at, "until": call.at}, PeriodNotPossible),
        ({"since": call.at, "look_back": "1y"}, ImpossibleTime),
        ({"until": call.at.replace(year=1066)}, ImpossibleTime),
    ):
        with pytest.raises(error):
            house.services.context.select(call, client_id, replace(WANTED, **period))


def test_talk_is_looked_through_from_the_newest_until_it_is_megabytes(house, people, recorded, monkeypatch):
    clinician, _, _, client_id = people
    asked = replace(WANTED, words="lantern")
    for session_id, text in zip(
        recorded, ("A lantern burnt.", "Mother hid her lantern.", "He sold the lantern."), strict=True
    ):
        said = (Utterance(number=1, speaker=Speaker.CLIENT, text=text),)
        house.services.transcripts.attach(house.call(clinician), session_id, said)

    def found() -> int:
        items = house.services.context.select(house.call(clinician), client_id, asked).items
        return sum(one.kind == "transcript" for one in items)

    assert found() == 3
    monkeypatch.setattr("domain.services.context._TRANSCRIPTS_AT_ONCE", 1)
    assert found() == 3
    monkeypatch.setattr("domain.services.context.TALK_MOST", 30)
    assert found() == 2


def test_the_erased_have_no_context_and_no_events(house, people, recorded):
    clinician, _, _, client_id = people
    position = len(house.log.events)
    place = next(n for n in range(1, position + 1) if house.log.events[n - 1].originator_id == recorded[0])
    house.log.fences.add(client_id)
    with pytest.raises(Erased):
        house.services.context.select(house.call(clinician), client_id, WANTED)
    with pytest.raises(Erased):
        house.services.events.read(house.call(clinician), client_id, place)


def test_an_event_opens_for_its_own_client_alone(house, people, recorded):
    clinician, colleague, own, client_id = people
    other_id = house.chart(clinician)
    place = next(n for n, event in enumerate(house.log.events, 1) if event.originator_id == recorded[0])
    call = house.call(clinician)
    event = house.services.events.read(call, client_id, place)
    assert (event.kind, event.resource_id) == ("session.recorded", recorded[0])
    assert house.reasons(call) == [("event.read", "allowed", "")]
    with pytest.raises(EventNotFound):
        house.services.events.read(house.call(clinician), other_id, place)
    with pytest.raises(EventNotFound):
        house.services.events.read(house.call(clinician), client_id, 10**6)
    for who, denial in ((colleague, OutsideCareTeam), (own, RoleNotPermitted)):
        with pytest.raises(denial):
            house.services.events.read(house.call(who), client_id, place)


def test_identities_accounts_and_the_audit_are_no_events_to_open(house, people, recorded):
    clinician, _, _, client_id = people
    opened = {
        str(event.originator_id)
        for event in house.log.events
        if house.log.subjects.get(event.originator_id) == client_id
    }
    for place in range(1, len(house.log.events) + 1):
        kind = type(house.log.events[place - 1]).__qualname__.partition(".")[0]
        if kind in {"Session", "Client"} and str(house.log.events[place - 1].originator_id) in opened:
            continue
        with pytest.raises(EventNotFound):
            house.services.events.read(house.call(clinician), client_id, place)
