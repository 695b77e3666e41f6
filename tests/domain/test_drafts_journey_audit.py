from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid, ViewBehind
from domain.model.checks import ImpossibleTime
from domain.model.client import ClientNotFound
from domain.model.values import Modality, MomentInZone
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.drafts import CONTENT_MOST, DraftNotFound
from domain.services.journey import Wanted
from tests.contracts.samples import content
from tests.domain.conftest import HOST


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def save(house, who, client_id, draft_id=None, text="{}"):
    draft_id = draft_id or uuid4()
    house.services.drafts.save(house.call(who), draft_id, client_id, text)
    return draft_id


def test_a_draft_need_not_be_valid_yet(house, clinician, client_id):
    draft_id = save(house, clinician, client_id, text='{"duration_min": "forty-"}')
    save(house, clinician, client_id, draft_id, '{"duration_min": "forty-five"}')
    assert house.services.drafts.read(house.call(clinician), draft_id).content == '{"duration_min": "forty-five"}'


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "{" * 100_000, '{"a": "' + "x" * CONTENT_MOST + '"}', "\x00"])
def test_a_draft_is_a_json_object_of_limited_size(house, clinician, client_id, text):
    with pytest.raises(Invalid):
        save(house, clinician, client_id, text=text)


def test_a_draft_is_its_authors_alone_and_stays_with_its_client(house, clinician):
    colleague = house.person()
    client_id = house.chart(clinician, (colleague, Relation.CLINICIAN))
    draft_id = save(house, clinician, client_id)
    for attempt in (
        lambda call: house.services.drafts.read(call, draft_id),
        lambda call: house.services.drafts.discard(call, draft_id),
    ):
        call = house.call(colleague)
        with pytest.raises(DraftNotFound):
            attempt(call)
        assert house.entries(call)[0].reason == "not_the_author"
    with pytest.raises(DraftNotFound):
        save(house, colleague, client_id, draft_id)
    with pytest.raises(DraftNotFound):
        save(house, clinician, house.chart(clinician, family="Adeyemi"), draft_id)
    assert house.services.drafts.mine(house.call(colleague)) == []


def test_a_supervising_member_writes_no_drafts_and_an_outsider_none(house, clinician):
    supervisor = house.person(Role.SUPERVISOR)
    client_id = house.chart(clinician, (supervisor, Relation.SUPERVISOR))
    with pytest.raises(RelationNotPermitted):
        save(house, supervisor, client_id)
    with pytest.raises(OutsideCareTeam):
        save(house, house.person(), client_id)


def test_a_discarded_draft_is_gone(house, clinician, client_id):
    draft_id = save(house, clinician, client_id)
    house.services.drafts.discard(house.call(clinician), draft_id)
    with pytest.raises(DraftNotFound):
        house.services.drafts.read(house.call(clinician), draft_id)
    with pytest.raises(DraftNotFound):
        house.services.drafts.discard(house.call(clinician), draft_id)


def test_the_worker_clears_forgotten_drafts_and_a_clinician_may_not(house, clinician, client_id):
    save(house, clinician, client_id)
    house.clock.forward(3600)
    fresh = save(house, clinician, client_id)
    cutoff = house.clock.now() - timedelta(minutes=30)
    with pytest.raises(RoleNotPermitted):
        house.services.drafts.discard_stale(house.call(clinician), cutoff)
    assert house.services.drafts.discard_stale(house.call(HOST), cutoff) == 1
    assert [draft.id for draft in house.services.drafts.mine(house.call(clinician))] == [fresh]


@pytest.fixture
def told(house, clinician, client_id):
    """A client with an unsigned and a signed session and an appointment ahead."""
    ids = [uuid4(), uuid4()]
    for session_id in ids:
        house.services.sessions.record(house.call(clinician), session_id, client_id, content())
    house.services.sessions.sign(house.call(clinician), ids[1])
    start = MomentInZone.of("2026-03-09T10:00:00+01:00", "Europe/Berlin")
    house.services.appointments.plan(house.call(clinician), uuid4(), client_id, start, 50, Modality.VIDEO)
    return ids


def test_the_team_reads_the_whole_journey_in_order(house, clinician, client_id, told):
    call = house.call(clinician)
    items = house.services.journey.read(call, client_id).items
    assert [item.kind for item in items] == ["session", "session", "client", "care_team", "appointment"]
    assert [item.happened_at for item in items] == sorted(item.happened_at for item in items)
    assert house.reasons(call) == [("journey.read", "allowed", "")]


def test_the_client_reads_what_was_signed(house, client_id, told):
    person = house.person(Role.CLIENT, client_id=client_id)
    items = house.services.journey.read(house.call(person), client_id, Wanted(kinds=("session",))).items
    assert [item.id for item in items] == [told[1]]


def test_strangers_read_no_journey(house, clinician, client_id):
    with pytest.raises(OutsideCareTeam):
        house.services.journey.read(house.call(house.person()), client_id)
    other = house.person(Role.CLIENT, client_id=house.chart(clinician, family="Adeyemi"))
    with pytest.raises(ClientNotFound):
        house.services.journey.read(house.call(other), client_id)


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": 2_001},
        {"wanted": Wanted(kinds=("notes",))},
        {"wanted": Wanted(record_class="notes")},
        {"wanted": Wanted(theme="\x00")},
        {"wanted": Wanted(look_back="-3d")},
        {"wanted": Wanted(look_back="5 fortnights")},
        {"wanted": Wanted(look_back="5d", since=datetime(2026, 1, 1, tzinfo=UTC))},
        {"wanted": Wanted(since=datetime(2026, 1, 1))},  # noqa: DTZ001 - what is refused
    ],
)
def test_impossible_questions_to_the_journey_are_refused(house, clinician, client_id, wrong):
    with pytest.raises(Invalid):
        house.services.journey.read(house.call(clinician), client_id, **wrong)


def test_a_journey_pages_without_gap_or_repeat(house, clinician, client_id, told):
    whole = house.services.journey.read(house.call(clinician), client_id).items
    pages, after = [], None
    while True:
        page = house.services.journey.read(house.call(clinician), client_id, limit=1, after=after)
        pages += page.items
        after = page.after
        if after is None:
            break
    assert pages == list(whole)


def test_a_view_that_is_behind_says_so_and_answers_nothing(house, clinician, client_id):
    with pytest.raises(ViewBehind):
        house.services.journey.read(house.call(clinician), client_id, at_least=10_000)


def test_everybody_reads_their_own_trail_and_no_other(house, clinician, client_id):
    colleague = house.person()
    house.chart(colleague, family="Adeyemi")
    records = house.services.audit.mine(house.call(clinician)).items
    assert {record.actor_id for record in records} == {clinician.id}
    assert [record.action for record in records] == ["client.register"]
    again = house.services.audit.mine(house.call(clinician)).items
    assert again[0].action == "audit.read_own"


def test_compliance_officers_search_everybodys_and_that_is_on_record_too(house, clinician, client_id):
    officer = house.person(Role.COMPLIANCE_OFFICER)
    with pytest.raises(OutsideCareTeam):
        house.services.clients.read(house.call(house.person()), client_id)
    call = house.call(officer)
    denied = house.services.audit.search(call, client_id=client_id, outcome="denied").items
    assert [(record.action, record.reason) for record in denied] == [("client.read", "outside_care_team")]
    (entry,) = house.entries(call)
    assert (entry.action, entry.client_id) == ("audit.search", client_id)


@pytest.mark.parametrize("role", [Role.CLINICIAN, Role.SUPERVISOR, Role.OPERATOR, Role.CLIENT, Role.ML_ENGINEER])
def test_nobody_else_searches_the_audit(house, role):
    with pytest.raises(RoleNotPermitted):
        house.services.audit.search(house.call(house.person(role)))


def test_a_period_that_ends_before_it_begins_is_refused(house):
    officer = house.person(Role.COMPLIANCE_OFFICER)
    now = house.clock.now()
    with pytest.raises(ImpossibleTime):
        house.services.audit.search(house.call(officer), since=now, until=now - timedelta(days=1))


def test_no_entry_holds_what_anybody_said(house, clinician, client_id, told):
    summaries = content().summary, content().homework, "Okafor"
    trail = [repr(event) for event in house.log.events if event.KIND == "audit.entry"]
    assert trail
    assert not any(text in entry for entry in trail for text in summaries)
