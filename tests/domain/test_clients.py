from dataclasses import replace
from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from domain.errors import Invalid
from domain.model.client import (
    AlreadyInCareTeam,
    Client,
    ClientEnteredInError,
    ConsentAlreadyGiven,
    ConsentAlreadyWithdrawn,
    ConsentNotFound,
    LastPrimaryClinician,
    NotInCareTeam,
)
from domain.model.identity import Identity, IdentityUnchanged, normalised_name
from domain.model.values import (
    Address,
    Contact,
    ContactKind,
    EmergencyContact,
    PersonName,
    Representative,
    RepresentativeAuthority,
)
from domain.ports.access import Relation
from domain.ports.call import Purpose
from tests.contracts.samples import NOW, identity

CLINICIAN, COLLEAGUE = uuid4(), uuid4()


@pytest.fixture
def client() -> Client:
    return Client.register(uuid4(), at=NOW, by=CLINICIAN)


def join(client: Client, account_id=COLLEAGUE, relation: Relation = Relation.CLINICIAN) -> None:
    client.join_care_team(at=NOW, by=CLINICIAN, account_id=account_id, relation=relation)


def give(client: Client, consent_id=None, given_at=NOW, document: str = "research/2026-03"):
    consent_id = consent_id or uuid4()
    client.give_consent(
        at=NOW,
        by=CLINICIAN,
        consent_id=consent_id,
        purpose=Purpose.RESEARCH,
        document=document,
        given_at=given_at,
    )
    return consent_id


def test_whoever_registers_a_client_is_the_primary_clinician(client):
    assert client.care_team == {CLINICIAN: Relation.PRIMARY_CLINICIAN}
    assert client.subject == client.id


def test_a_colleague_joins_changes_relation_and_leaves(client):
    join(client)
    with pytest.raises(AlreadyInCareTeam):
        join(client)
    join(client, relation=Relation.PRIMARY_CLINICIAN)
    client.leave_care_team(at=NOW, by=CLINICIAN, account_id=CLINICIAN)
    assert client.care_team == {COLLEAGUE: Relation.PRIMARY_CLINICIAN}


def test_a_client_keeps_a_primary_clinician(client):
    join(client)
    with pytest.raises(LastPrimaryClinician):
        client.leave_care_team(at=NOW, by=CLINICIAN, account_id=CLINICIAN)
    with pytest.raises(LastPrimaryClinician):
        join(client, CLINICIAN, Relation.CLINICIAN)


def test_nobody_leaves_a_team_they_are_not_in(client):
    with pytest.raises(NotInCareTeam):
        client.leave_care_team(at=NOW, by=CLINICIAN, account_id=uuid4())


@pytest.mark.parametrize("relation", [Relation.NONE, Relation.SELF, Relation.AUTHOR])
def test_some_relations_are_never_joined(client, relation):
    with pytest.raises(Invalid):
        join(client, relation=relation)


def test_a_care_team_is_not_without_end(client):
    for _ in range(199):
        join(client, uuid4())
    with pytest.raises(Invalid):
        join(client, uuid4())


def test_a_consent_is_given_and_withdrawn_once(client):
    consent_id = give(client)
    with pytest.raises(ConsentAlreadyGiven):
        give(client, consent_id)
    later = NOW + timedelta(days=3)
    client.withdraw_consent(at=later, by=CLINICIAN, consent_id=consent_id)
    consent = client.consents[consent_id]
    assert (consent.given_at, consent.withdrawn_at, consent.purpose) == (NOW, later, Purpose.RESEARCH)
    with pytest.raises(ConsentAlreadyWithdrawn):
        client.withdraw_consent(at=later, by=CLINICIAN, consent_id=consent_id)


def test_an_unknown_consent_is_not_withdrawn(client):
    with pytest.raises(ConsentNotFound):
        client.withdraw_consent(at=NOW, by=CLINICIAN, consent_id=uuid4())


@pytest.mark.parametrize(
    "impossible",
    [
        {"given_at": NOW + timedelta(days=1)},
        {"given_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what is refused
        {"given_at": NOW.replace(year=1850)},
        {"document": ""},
        {"document": "two\nlines"},
        {"document": "x" * 201},
    ],
)
def test_a_consent_that_cannot_be_right_is_refused(client, impossible):
    with pytest.raises(Invalid):
        give(client, **impossible)


def test_a_chart_entered_in_error_takes_nothing_new_but_lets_go(client):
    consent_id = give(client)
    client.mark_entered_in_error(at=NOW, by=CLINICIAN, reason="Opened twice.")
    for attempt in (lambda: join(client), lambda: give(client)):
        with pytest.raises(ClientEnteredInError):
            attempt()
    with pytest.raises(ClientEnteredInError):
        client.mark_entered_in_error(at=NOW, by=CLINICIAN, reason="Again.")
    client.withdraw_consent(at=NOW, by=CLINICIAN, consent_id=consent_id)
    client.leave_care_team(at=NOW, by=CLINICIAN, account_id=CLINICIAN)
    assert client.care_team == {}


PHONE = Contact(kind=ContactKind.PHONE, value="+49 30 901820 ext. 12", may_leave_message=True)
FULL = replace(
    identity(),
    pronouns="she/her",
    contacts=(PHONE, Contact(kind=ContactKind.EMAIL, value="ada@example.org", label="home")),
    address=Address(lines=("Hauptstraße 1",), city="Köln", postal_code="50667", country="DE"),
    emergency_contacts=(EmergencyContact(name=PersonName(given="Chidi"), relationship="brother", contacts=(PHONE,)),),
    locale="de-DE",
    zone="Europe/Berlin",
    representative=Representative(
        name=PersonName(family="Okafor", given="Ngozi"), authority=RepresentativeAuthority.GUARDIAN, contacts=(PHONE,)
    ),
)


def record(content) -> Identity:
    return Identity.record(uuid4(), at=NOW, by=CLINICIAN, content=content)


@pytest.mark.parametrize(
    "content",
    [
        FULL,
        identity("", "Sukarno"),
        identity("Sukarno", ""),
        identity(birth_date=""),
        identity(birth_date="1984"),
        identity(birth_date="1984-05"),
        identity(birth_date="2026-03-03"),
        identity("O’Brien-N’Diaye", "Zoë 王"),  # noqa: RUF001 - as it is written
        replace(identity(), locale="zh-Hant-TW"),
    ],
)
def test_people_are_recorded_as_they_are(content):
    who = record(content)
    assert who.content == content
    assert who.id == Identity.stream_of(who.client_id)
    assert who.subject == who.client_id


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("names", replace(identity(), names=())),
        ("names[0]", identity("", " ")),
        ("names[0].family", identity("x" * 201)),
        ("names[0].given", identity(given="two\nlines")),
        ("names[0].given", identity(given="\ud800")),
        ("birth_date", identity(birth_date="17.05.1984")),
        ("birth_date", identity(birth_date="1984-02-30")),
        ("birth_date", identity(birth_date="2027-01-01")),
        ("birth_date", identity(birth_date="1850")),
        ("birth_date", identity(birth_date="0000")),
        ("birth_date", identity(birth_date="１９８４")),  # noqa: RUF001 - digits that are none here
        ("locale", replace(identity(), locale="german")),
        ("zone", replace(identity(), zone="Berlin")),
        ("contacts[0].value", replace(identity(), contacts=(Contact(kind=ContactKind.EMAIL, value="ada"),))),
        ("contacts[0].value", replace(identity(), contacts=(Contact(kind=ContactKind.PHONE, value="call me"),))),
        ("address.country", replace(identity(), address=Address(country="Germany"))),
        (
            "emergency_contacts[0].contacts",
            replace(
                identity(),
                emergency_contacts=(EmergencyContact(name=PersonName(given="C"), relationship="", contacts=()),),
            ),
        ),
    ],
)
def test_an_identity_that_cannot_be_right_is_refused_by_field(field, content):
    with pytest.raises(Invalid) as refused:
        record(content)
    assert refused.value.facts["field"] == field


def test_a_correction_replaces_the_whole_and_an_empty_one_is_refused():
    who = record(identity())
    who.correct(at=NOW, by=COLLEAGUE, content=FULL)
    assert who.content == FULL
    with pytest.raises(IdentityUnchanged):
        who.correct(at=NOW, by=COLLEAGUE, content=FULL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Müller-Lüdenscheidt", "muller ludenscheidt"),
        ("O’Brien", "OBRIEN"),  # noqa: RUF001 - as it is written
        ("Straße", "STRASSE"),
        ("Nguyễn", "Nguyen"),
        ("Å", "A\u030a"),
    ],
)
def test_names_that_people_take_for_one_are_looked_up_as_one(one, other):
    assert normalised_name(one) == normalised_name(other)


@pytest.mark.parametrize(("one", "other"), [("Meier", "Maier"), ("王", "玉"), ("कीर्ति", "कृति"), ("कुमार", "कमार")])
def test_names_that_differ_stay_apart(one, other):
    assert normalised_name(one) != normalised_name(other)
