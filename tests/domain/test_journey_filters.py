"""What accounts of clients see of a journey, page by page, and what a goal brings with it."""

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.errors import Erased
from domain.model.goal import GoalContent, GoalMetric, GoalNotFound
from domain.model.risk_flag import FlagLevel
from domain.model.transcript import Speaker, Utterance
from domain.ports.call import Role
from domain.services.journey import Wanted
from tests.contracts.samples import content

SAID = (Utterance(number=1, speaker=Speaker.CLIENT, text="I slept."),)


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def session(house, clinician, client_id, *, sign, **more):
    session_id = uuid4()
    house.services.sessions.record(house.call(clinician), session_id, client_id, content(**more))
    house.services.transcripts.attach(house.call(clinician), session_id, SAID, "test")
    if sign:
        house.services.sessions.sign(house.call(clinician), session_id)
    return session_id


def goal(house, clinician, client_id, **more):
    goal_id = uuid4()
    told = GoalContent(statement="Sleep.", metric=GoalMetric.MEASURE, instrument="phq-9", target=5, **more)
    house.services.goals.set_goal(house.call(clinician), goal_id, client_id, told)
    return goal_id


def pages(house, who, client_id, limit=1, **wanted):
    """All items; every page but the last is full."""
    found, after = [], None
    while True:
        page = house.services.journey.read(house.call(who), client_id, Wanted(**wanted), limit=limit, after=after)
        found += page.items
        after = page.after
        if after is None:
            return found
        assert len(page.items) == limit


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_client_sees_transcripts_of_signed_sessions_alone_and_full_pages(house, clinician, client_id, limit):
    signed = [session(house, clinician, client_id, sign=number % 2 == 0) for number in range(6)][::2]
    house.services.risk_flags.raise_flag(
        house.call(clinician), uuid4(), client_id, level=FlagLevel.LOW, reason="Sad on Sundays."
    )
    own = house.person(Role.CLIENT, client_id=client_id)
    found = pages(house, own, client_id, limit)
    assert {item.id for item in found if item.kind == "session"} == set(signed)
    assert {item.content["session_id"] for item in found if item.kind == "transcript"} == {str(each) for each in signed}
    assert not [item for item in found if item.kind == "risk_flag"]
    team = pages(house, clinician, client_id, limit)
    assert len([item for item in team if item.kind == "transcript"]) == 6
    assert len([item for item in team if item.kind == "risk_flag"]) == 1


def test_a_transcript_that_is_listed_says_how_much_was_said_and_not_what(house, clinician, client_id):
    session(house, clinician, client_id, sign=False)
    (item,) = pages(house, clinician, client_id, kinds=("transcript",))
    assert (item.content["utterances"], item.content["utterance_count"]) == (None, 1)


def test_sessions_that_a_goal_was_linked_to_come_with_it_as_those_that_name_it(house, clinician, client_id):
    linked = session(house, clinician, client_id, sign=True)
    goal_id = goal(house, clinician, client_id, session_ids=(linked,))
    naming = session(house, clinician, client_id, sign=True, goal_ids=(goal_id,))
    session(house, clinician, client_id, sign=True)
    found = pages(house, clinician, client_id, goal_id=goal_id)
    assert {item.id for item in found} == {goal_id, linked, naming}


def test_a_goal_that_is_none_of_the_clients_is_not_found(house, clinician, client_id):
    elsewhere = goal(house, clinician, house.chart(clinician, family="Adeyemi"))
    for goal_id in (elsewhere, uuid4()):
        with pytest.raises(GoalNotFound):
            pages(house, clinician, client_id, goal_id=goal_id)


def test_a_goal_entered_in_error_is_none_for_the_client(house, clinician, client_id):
    goal_id = goal(house, clinician, client_id)
    call = replace(house.call(clinician), expected_version=1)
    house.services.goals.mark_entered_in_error(call, goal_id, "Another client's.")
    assert [item.id for item in pages(house, clinician, client_id, goal_id=goal_id)] == [goal_id]
    with pytest.raises(GoalNotFound):
        pages(house, house.person(Role.CLIENT, client_id=client_id), client_id, goal_id=goal_id)


def test_of_an_erased_client_there_is_no_journey_whatever_is_asked_for(house, clinician, client_id):
    house.log.fences.add(client_id)
    for wanted in ({}, {"kinds": ("goal",)}, {"kinds": ("goal",), "record_class": "measures"}):
        with pytest.raises(Erased):
            pages(house, clinician, client_id, **wanted)
