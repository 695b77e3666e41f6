import json
from uuid import uuid4

import pytest

from domain.errors import NotFound, StaleVersion, Unauthenticated
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.session import NotTheAuthor, SessionAlreadySigned, SessionNotFound, SessionStatus
from domain.ports.access import Relation
from domain.ports.call import Role
from domain.services.access import OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.drafts import DraftNotFound
from domain.services.sign_in import NOBODY
from tests.contracts.samples import content


@pytest.fixture
def clinician(house):
    return house.person()


@pytest.fixture
def client_id(house, clinician):
    return house.chart(clinician)


def record(house, who, client_id, **more):
    session_id = uuid4()
    house.services.sessions.record(house.call(who), session_id, client_id, content(), **more)
    return session_id


def read(house, who, session_id):
    return house.services.sessions.read(house.call(who), session_id)


def test_a_clinician_records_signs_and_reads_a_session_each_on_record(house, clinician, client_id):
    session_id = uuid4()
    calls = [house.call(clinician) for _ in range(3)]
    receipt = house.services.sessions.record(calls[0], session_id, client_id, content())
    assert (receipt.resource_id, receipt.version) == (session_id, 1)
    house.services.sessions.sign(calls[1], session_id)
    assert house.services.sessions.read(calls[2], session_id).status is SessionStatus.SIGNED
    for call, action in zip(calls, ("session.record", "session.sign", "session.read"), strict=True):
        (entry,) = house.entries(call)
        assert (entry.action, entry.outcome, entry.client_id, entry.resources) == (
            action,
            "allowed",
            client_id,
            (session_id,),
        )


@pytest.mark.parametrize("method", ["read", "sign", "cosign"])
def test_an_unknown_session_is_not_found(house, clinician, method):
    who = house.person(Role.SUPERVISOR) if method == "cosign" else clinician
    with pytest.raises(SessionNotFound):
        getattr(house.services.sessions, method)(house.call(who), uuid4())


def test_a_session_for_an_unknown_client_is_not_recorded(house, clinician):
    with pytest.raises(ClientNotFound):
        record(house, clinician, uuid4())


def test_a_session_in_a_chart_entered_in_error_is_not_recorded(house, clinician, client_id):
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    with pytest.raises(ClientEnteredInError):
        record(house, clinician, client_id)


def test_what_stands_in_a_chart_entered_in_error_is_finished_or_marked_and_nothing_is_added(
    house, clinician, client_id
):
    supervisor = house.person(Role.SUPERVISOR)
    trainee = house.person(supervisor_id=supervisor.id)
    house.services.clients.join_care_team(house.call(clinician), client_id, trainee.id, Relation.CLINICIAN)
    unsigned, signed, misfiled = (record(house, clinician, client_id) for _ in range(3))
    house.services.sessions.sign(house.call(clinician), signed)
    accepted, returned = (record(house, trainee, client_id) for _ in range(2))
    for session_id in (accepted, returned):
        house.services.sessions.sign(house.call(trainee), session_id)
    house.services.clients.mark_entered_in_error(house.call(clinician), client_id, "Opened twice.")
    with pytest.raises(ClientEnteredInError) as refused:
        house.services.sessions.amend(house.call(clinician), unsigned, content())
    assert "right chart" in refused.value.hint
    with pytest.raises(ClientEnteredInError):
        house.services.sessions.add_addendum(house.call(clinician), signed, uuid4(), "He called.")
    house.services.sessions.sign(house.call(clinician), unsigned)
    house.services.sessions.mark_entered_in_error(house.call(clinician), misfiled, "Another person's.")
    house.services.sessions.cosign(house.call(supervisor), accepted)
    house.services.sessions.return_to_author(house.call(supervisor), returned, "Wrong chart, I think.")
    statuses = [read(house, clinician, each).status for each in (unsigned, signed, misfiled, accepted, returned)]
    assert statuses == ["signed", "signed", "entered_in_error", "signed", "recorded"]


def test_who_is_outside_the_care_team_is_refused_and_that_is_on_record(house, clinician, client_id):
    session_id = record(house, clinician, client_id)
    call = house.call(house.person())
    with pytest.raises(OutsideCareTeam):
        house.services.sessions.read(call, session_id)
    (entry,) = house.entries(call)
    assert (entry.action, entry.outcome, entry.reason) == ("session.read", "denied", "outside_care_team")
    assert (entry.client_id, entry.resources) == (client_id, (session_id,))


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER])
def test_a_role_without_business_there_cannot_tell_an_unknown_session_from_a_known_one(
    house, clinician, client_id, role
):
    session_id = record(house, clinician, client_id)
    who = house.person(role)
    for asked in (session_id, uuid4()):
        call = house.call(who)
        with pytest.raises(RoleNotPermitted):
            house.services.sessions.read(call, asked)
        assert house.reasons(call) == [("session.read", "denied", "role_not_permitted")]


def test_nobody_who_has_not_signed_in_gets_anywhere(house, client_id):
    with pytest.raises(Unauthenticated):
        record(house, NOBODY, client_id)


def test_a_read_that_cannot_be_put_on_record_is_not_answered(house, clinician, client_id, monkeypatch):
    session_id = record(house, clinician, client_id)

    def down(*_):
        raise ConnectionError

    monkeypatch.setattr(house.ledger, "note", down)
    with pytest.raises(ConnectionError):
        read(house, clinician, session_id)


def test_a_stale_version_is_refused_before_anything_changes(house, clinician, client_id):
    session_id = record(house, clinician, client_id)
    house.services.sessions.amend(house.call(clinician, expected_version=1), session_id, content("Second."))
    with pytest.raises(StaleVersion):
        house.services.sessions.amend(house.call(clinician, expected_version=1), session_id, content("Third."))
    assert read(house, clinician, session_id).content.summary == "Second."


def test_a_colleague_reads_and_adds_but_neither_amends_nor_signs(house, clinician):
    colleague = house.person()
    client_id = house.chart(clinician, (colleague, Relation.CLINICIAN))
    session_id = record(house, clinician, client_id)
    assert read(house, colleague, session_id)
    for attempt in (
        lambda call: house.services.sessions.amend(call, session_id, content()),
        lambda call: house.services.sessions.sign(call, session_id),
    ):
        call = house.call(colleague)
        with pytest.raises(NotTheAuthor):
            attempt(call)
        assert house.entries(call)[0].reason == "not_the_author"
    house.services.sessions.sign(house.call(clinician), session_id)
    house.services.sessions.add_addendum(house.call(colleague), session_id, uuid4(), "She called me later.")
    assert read(house, clinician, session_id).addenda[0].author_id == colleague.id


def test_a_clinician_who_left_the_team_finishes_what_they_wrote_and_reads_nothing_else(house, clinician):
    leaving = house.person()
    client_id = house.chart(clinician, (leaving, Relation.CLINICIAN))
    own, other = record(house, leaving, client_id), record(house, clinician, client_id)
    house.services.clients.leave_care_team(house.call(leaving), client_id, leaving.id)
    house.services.sessions.amend(house.call(leaving), own, content("Finished."))
    house.services.sessions.sign(house.call(leaving), own)
    house.services.sessions.add_addendum(house.call(leaving), own, uuid4(), "One thing more.")
    for refused in (lambda: read(house, leaving, other), lambda: record(house, leaving, client_id)):
        with pytest.raises(OutsideCareTeam):
            refused()


def test_a_supervisor_sees_and_co_signs_trainees_sessions_and_no_other(house, clinician):
    supervisor = house.person(Role.SUPERVISOR)
    trainee = house.person(supervisor_id=supervisor.id)
    client_id = house.chart(clinician, (trainee, Relation.CLINICIAN))
    session_id, other = record(house, trainee, client_id), record(house, clinician, client_id)
    assert read(house, supervisor, session_id).status is SessionStatus.RECORDED
    house.services.sessions.sign(house.call(trainee), session_id)
    house.services.sessions.return_to_author(house.call(supervisor), session_id, "More about risk, please.")
    house.services.sessions.sign(house.call(trainee), session_id)
    house.services.sessions.cosign(house.call(supervisor), session_id)
    assert read(house, trainee, session_id).cosigned_by == supervisor.id
    with pytest.raises(OutsideCareTeam):
        read(house, supervisor, other)


def test_a_supervisor_who_also_treats_the_client_co_signs_all_the_same(house, clinician):
    supervisor = house.person(Role.SUPERVISOR)
    trainee = house.person(supervisor_id=supervisor.id)
    client_id = house.chart(clinician, (trainee, Relation.CLINICIAN), (supervisor, Relation.CLINICIAN))
    session_id = record(house, trainee, client_id)
    house.services.sessions.sign(house.call(trainee), session_id)
    house.services.sessions.cosign(house.call(supervisor), session_id)
    assert read(house, trainee, session_id).status is SessionStatus.SIGNED


def test_a_supervisor_in_the_care_team_stands_in_and_an_outsider_does_not(house, clinician):
    supervisor, stand_in, outsider = (house.person(Role.SUPERVISOR) for _ in range(3))
    trainee = house.person(supervisor_id=supervisor.id)
    client_id = house.chart(clinician, (trainee, Relation.CLINICIAN), (stand_in, Relation.SUPERVISOR))
    session_id = record(house, trainee, client_id)
    house.services.sessions.sign(house.call(trainee), session_id)
    with pytest.raises(OutsideCareTeam):
        house.services.sessions.cosign(house.call(outsider), session_id)
    house.services.sessions.cosign(house.call(stand_in), session_id)
    assert read(house, trainee, session_id).cosigned_by == stand_in.id


def test_a_supervisor_who_wrote_the_session_does_not_co_sign_it(house):
    author = house.person(Role.SUPERVISOR)
    client_id = house.chart(author)
    session_id = record(house, author, client_id)
    with pytest.raises(RelationNotPermitted):
        house.services.sessions.cosign(house.call(author), session_id)


def test_a_wrong_chart_is_marked_by_its_author_or_the_primary_clinician(house, clinician):
    author, colleague = house.person(), house.person()
    team = ((author, Relation.CLINICIAN), (colleague, Relation.CLINICIAN))
    client_id = house.chart(clinician, *team)
    for marker in (author, clinician):
        session_id = record(house, author, client_id)
        with pytest.raises(RelationNotPermitted):
            house.services.sessions.mark_entered_in_error(house.call(colleague), session_id, "Not hers.")
        house.services.sessions.mark_entered_in_error(house.call(marker), session_id, "Another client's.")
        assert read(house, colleague, session_id).status is SessionStatus.ENTERED_IN_ERROR


def test_clients_read_their_signed_sessions_and_learn_of_no_others(house, clinician, client_id):
    person = house.person(Role.CLIENT, client_id=client_id)
    stranger = house.person(Role.CLIENT, client_id=house.chart(clinician, family="Adeyemi"))
    representative = house.person(Role.CLIENT)
    house.represent(clinician, client_id, representative)
    session_id = record(house, clinician, client_id)
    for who, reason in ((person, "not_released_to_client"), (stranger, "outside_care_team")):
        call = house.call(who)
        with pytest.raises(SessionNotFound) as told:
            house.services.sessions.read(call, session_id)
        with pytest.raises(SessionNotFound) as unknown:
            read(house, who, uuid4())
        assert told.value.detail == unknown.value.detail
        assert house.reasons(call) == [("session.read", "denied", reason)]
    house.services.sessions.sign(house.call(clinician), session_id)
    assert read(house, person, session_id).content.summary
    assert read(house, representative, session_id).content.summary
    with pytest.raises(SessionNotFound):
        read(house, stranger, session_id)


def test_a_session_is_recorded_out_of_ones_own_draft_for_that_client_only(house, clinician, client_id):
    drafts = house.services.drafts
    elsewhere = house.chart(clinician, family="Adeyemi")
    draft_id, other_id = uuid4(), uuid4()
    drafts.save(house.call(clinician), draft_id, client_id, json.dumps({"summary": "Half"}))
    drafts.save(house.call(clinician), other_id, elsewhere, "{}")
    for wrong in (other_id, uuid4()):
        with pytest.raises(DraftNotFound):
            record(house, clinician, client_id, draft_id=wrong)
    record(house, clinician, client_id, draft_id=draft_id)
    with pytest.raises(NotFound):
        drafts.read(house.call(clinician), draft_id)
    assert [draft.id for draft in drafts.mine(house.call(clinician))] == [other_id]


def test_signing_twice_is_told_as_what_it_is(house, clinician, client_id):
    session_id = record(house, clinician, client_id)
    house.services.sessions.sign(house.call(clinician), session_id)
    with pytest.raises(SessionAlreadySigned):
        house.services.sessions.sign(house.call(clinician), session_id)


def test_an_addendum_that_names_no_version_follows_one_that_was_quicker(house, clinician, client_id, monkeypatch):
    session_id = record(house, clinician, client_id)
    house.services.sessions.sign(house.call(clinician), session_id)
    save = house.ledger.save

    def beaten(call, entry, *aggregates):
        monkeypatch.setattr(house.ledger, "save", save)
        house.services.sessions.add_addendum(house.call(clinician), session_id, uuid4(), "First.")
        return save(call, entry, *aggregates)

    monkeypatch.setattr(house.ledger, "save", beaten)
    house.services.sessions.add_addendum(house.call(clinician), session_id, uuid4(), "Second.")
    assert [addendum.text for addendum in read(house, clinician, session_id).addenda] == ["First.", "Second."]


def test_an_addendum_to_a_version_that_was_read_is_refused_when_another_was_quicker(house, clinician, client_id):
    session_id = record(house, clinician, client_id)
    house.services.sessions.sign(house.call(clinician), session_id)
    house.services.sessions.add_addendum(house.call(clinician), session_id, uuid4(), "First.")
    with pytest.raises(StaleVersion):
        house.services.sessions.add_addendum(
            house.call(clinician, expected_version=2), session_id, uuid4(), "Written without having read the first."
        )
    assert len(read(house, clinician, session_id).addenda) == 1


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER])
def test_a_denial_by_role_tells_whose_record_was_asked_for(house, client_id, role):
    call = house.call(house.person(role))
    with pytest.raises(RoleNotPermitted):
        house.services.clients.identity(call, client_id)
    (entry,) = house.entries(call)
    assert (entry.outcome, entry.reason, entry.client_id) == ("denied", "role_not_permitted", client_id)
