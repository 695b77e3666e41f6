from dataclasses import fields, replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from domain.errors import AnamnesisError, Invalid
from domain.model.session import (
    ADDENDA_MOST,
    SUMMARY_MOST,
    AwaitingCosignature,
    NotAwaitingCosignature,
    NotTheAuthor,
    NotTheSupervisor,
    Session,
    SessionAlreadySigned,
    SessionContent,
    SessionEnteredInError,
    SessionNotSigned,
    SessionStatus,
    TooManyAddenda,
)
from domain.model.values import Emotion, MomentInZone, RiskImpression, RiskLevel, Valence
from tests.contracts.samples import NOW, YESTERDAY, actor, content, new_session

AUTHOR, TRAINEE, SUPERVISOR = actor(), actor(supervisor_id=UUID(int=5)), UUID(int=5)


@pytest.fixture
def session() -> Session:
    return new_session(author=AUTHOR)


@pytest.fixture
def awaiting() -> Session:
    session = new_session(author=TRAINEE)
    session.sign(at=NOW, by=TRAINEE.id, supervisor_id=SUPERVISOR)
    return session


def add(session: Session, text: str = "Later thought.") -> None:
    session.add_addendum(at=NOW, by=uuid4(), addendum_id=uuid4(), text=text)


def test_a_session_of_yesterday_is_recorded_today_and_both_days_are_kept(session):
    assert session.content.took_place.instant.date() < session.created_on.date()
    assert (session.status, session.version, session.subject) == (SessionStatus.RECORDED, 1, session.client_id)


def test_an_unsigned_session_is_amended_by_its_author(session):
    session.amend(at=NOW, by=AUTHOR.id, content=content("Corrected."))
    assert session.content.summary == "Corrected."


def test_nobody_else_amends_or_signs_it(session):
    with pytest.raises(NotTheAuthor):
        session.amend(at=NOW, by=uuid4(), content=content())
    with pytest.raises(NotTheAuthor):
        session.sign(at=NOW, by=uuid4())
    assert session.version == 1


def test_a_licensed_author_locks_the_session_by_signing(session):
    session.sign(at=NOW, by=AUTHOR.id)
    assert (session.status, session.signed_by, session.signed_at) == (SessionStatus.SIGNED, AUTHOR.id, NOW)
    with pytest.raises(SessionAlreadySigned) as refused:
        session.amend(at=NOW, by=AUTHOR.id, content=content())
    assert "addendum" in refused.value.hint
    with pytest.raises(SessionAlreadySigned):
        session.sign(at=NOW, by=AUTHOR.id)
    with pytest.raises(NotAwaitingCosignature):
        session.cosign(at=NOW, by=SUPERVISOR, standing_in=True)


def test_a_trainees_session_waits_for_the_supervisor_and_is_locked_meanwhile(awaiting):
    assert awaiting.status is SessionStatus.AWAITING_COSIGNATURE
    for attempt in (
        lambda: awaiting.amend(at=NOW, by=TRAINEE.id, content=content()),
        lambda: awaiting.sign(at=NOW, by=TRAINEE.id, supervisor_id=SUPERVISOR),
        lambda: add(awaiting),
    ):
        with pytest.raises(AwaitingCosignature):
            attempt()


def test_the_named_supervisor_co_signs(awaiting):
    later = NOW + timedelta(days=1)
    awaiting.cosign(at=later, by=SUPERVISOR)
    assert (awaiting.status, awaiting.cosigned_by, awaiting.cosigned_at) == (SessionStatus.SIGNED, SUPERVISOR, later)
    assert awaiting.signed_by == TRAINEE.id


def test_a_colleague_co_signs_only_when_standing_in_and_the_author_never(awaiting):
    colleague = uuid4()
    with pytest.raises(NotTheSupervisor):
        awaiting.cosign(at=NOW, by=colleague)
    with pytest.raises(NotTheSupervisor):
        awaiting.cosign(at=NOW, by=TRAINEE.id, standing_in=True)
    awaiting.cosign(at=NOW, by=colleague, standing_in=True)
    assert awaiting.cosigned_by == colleague


def test_a_returned_session_is_open_to_its_author_again_with_the_comment(awaiting):
    awaiting.return_to_author(at=NOW, by=SUPERVISOR, comment="Say more about risk.")
    assert (awaiting.status, awaiting.signed_by) == (SessionStatus.RECORDED, None)
    assert awaiting.return_comment == "Say more about risk."
    awaiting.amend(at=NOW, by=TRAINEE.id, content=content("With risk."))
    awaiting.sign(at=NOW, by=TRAINEE.id, supervisor_id=SUPERVISOR)
    assert awaiting.return_comment == ""
    awaiting.cosign(at=NOW, by=SUPERVISOR)
    assert awaiting.status is SessionStatus.SIGNED


def test_returning_needs_a_comment(awaiting):
    with pytest.raises(Invalid):
        awaiting.return_to_author(at=NOW, by=SUPERVISOR, comment="  ")


def test_a_trainee_who_was_licensed_meanwhile_needs_no_co_signature():
    session = new_session(author=TRAINEE)
    session.sign(at=NOW, by=TRAINEE.id, supervisor_id=None)
    assert session.status is SessionStatus.SIGNED


def test_addenda_stand_beside_the_unchanged_original(session):
    with pytest.raises(SessionNotSigned):
        add(session)
    session.sign(at=NOW, by=AUTHOR.id)
    before = session.content
    add(session, "One.")
    add(session, "Two.")
    assert session.content is before
    assert [addendum.text for addendum in session.addenda] == ["One.", "Two."]


def test_addenda_are_not_without_end(session):
    session.sign(at=NOW, by=AUTHOR.id)
    for _ in range(ADDENDA_MOST):
        add(session)
    with pytest.raises(TooManyAddenda):
        add(session)


@pytest.mark.parametrize("signed", [False, True])
def test_an_entry_in_a_wrong_chart_stays_readable_and_takes_no_more_changes(session, signed):
    if signed:
        session.sign(at=NOW, by=AUTHOR.id)
    session.mark_entered_in_error(at=NOW, by=AUTHOR.id, reason="Another client's.")
    assert session.status is SessionStatus.ENTERED_IN_ERROR
    assert session.content.summary
    for attempt in (
        lambda: session.amend(at=NOW, by=AUTHOR.id, content=content()),
        lambda: session.sign(at=NOW, by=AUTHOR.id),
        lambda: session.cosign(at=NOW, by=SUPERVISOR),
        lambda: add(session),
        lambda: session.mark_entered_in_error(at=NOW, by=AUTHOR.id, reason="Again."),
    ):
        with pytest.raises(SessionEnteredInError):
            attempt()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("summary", ""),
        ("summary", " \n\t "),
        ("summary", "x" * (SUMMARY_MOST + 1)),
        ("summary", "before\x00after"),
        ("summary", "half \ud83d"),
        ("duration_min", 0),
        ("duration_min", 1441),
        ("duration_min", True),
        ("themes", ("x",) * 51),
        ("themes", ("two\nlines",)),
        ("themes", ("",)),
        ("interventions", ("x" * 201,)),
        ("goal_ids", (UUID(int=1), UUID(int=1))),
        ("goal_ids", tuple(UUID(int=n) for n in range(101))),
        ("homework", "x" * 20_001),
        ("next_plan", "\x00"),
        ("emotions", (Emotion(name="joy", intensity=11, valence=Valence.POSITIVE),)),
        ("emotions", (Emotion(name="", intensity=1, valence=Valence.NEUTRAL),)),
        ("emotions", (Emotion(name="joy", intensity=1, valence=Valence.POSITIVE),) * 51),
        ("risk", RiskImpression(level=RiskLevel.HIGH, text=" ")),
        ("took_place", MomentInZone.of(NOW + timedelta(minutes=6), "Europe/Berlin")),
    ],
)
def test_what_cannot_be_right_is_refused_by_field_and_never_repeated(field, value):
    with pytest.raises(Invalid) as refused:
        Session.record(uuid4(), at=NOW, client_id=uuid4(), author_id=uuid4(), content=content(**{field: value}))
    assert refused.value.facts["field"].startswith(field)
    assert "before" not in str(refused.value)


def test_a_clock_that_runs_a_little_ahead_is_no_reason_to_refuse():
    soon = MomentInZone.of(NOW + timedelta(minutes=4), "Europe/Berlin")
    session = Session.record(uuid4(), at=NOW, client_id=uuid4(), author_id=uuid4(), content=content(took_place=soon))
    assert session.content.took_place == soon


def test_the_longest_summary_is_taken():
    whole = content("ä" * SUMMARY_MOST)
    assert Session.record(uuid4(), at=NOW, client_id=uuid4(), author_id=uuid4(), content=whole).content is whole


def test_only_when_how_long_and_what_was_said_are_asked_for():
    least = SessionContent(took_place=YESTERDAY, duration_min=20, modality=content().modality, summary="Called.")
    assert len(fields(least)) == 11
    Session.record(uuid4(), at=NOW, client_id=uuid4(), author_id=uuid4(), content=least)


def test_a_refused_command_leaves_the_session_as_it_was(session):
    before, version = session.content, session.version
    with pytest.raises(AnamnesisError):
        session.amend(at=NOW, by=AUTHOR.id, content=replace(before, duration_min=-1))
    assert (session.content, session.version, len(session.pending_events)) == (before, version, 1)
