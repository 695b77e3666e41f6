"""Access state follows from events in their own transaction, and can be made anew from them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update

from adapters.access.instants import microseconds
from adapters.access.rebuild import rebuild_access_state
from adapters.access.tables import accounts, care_team, clients, consents, identity_lookup, linked_identities, sign_ins
from adapters.access.vault import AccountSecrets
from adapters.event_store.tables import events
from domain.errors import Erased, SealBroken, StaleVersion
from domain.model.account import Account, IdentityTaken
from domain.model.identity import IdentityContent
from domain.model.sign_in import SignIn
from domain.model.values import NameUse, PersonName
from domain.ports.access import Relation, Standing
from domain.ports.audit import AuditEntry
from domain.ports.call import Actor, Purpose, Role, Scope
from domain.ports.ledger import Draft
from tests.seal.kit import AT, a_call, a_client, a_content, a_session, an_account, an_identity
from tests.seal.test_ledger import destroy_keys, fence

TABLES = (accounts, sign_ins, linked_identities, clients, care_team, consents, identity_lookup)


def a_sign_in(account_id, **fields):
    values = {"at": AT, "account_id": account_id, "refresh_hash": b"r" * 32, "expires_at": AT + timedelta(hours=12)}
    return SignIn.open(uuid4(), **(values | fields))


# Accounts and sign-ins


def a_service(*scopes, **fields):
    return an_account("platform@service.invalid", role=Role.SERVICE, password_hash="", scopes=scopes, **fields)


def test_a_services_scopes_show_in_lists_and_at_each_sign_in(kit):
    service = a_service(Scope.JOURNEY_READ, Scope.CHANGES_READ)
    sign_in = a_sign_in(service.id)
    kit.save(service, an_account(), sign_in)
    scopes = {Scope.JOURNEY_READ, Scope.CHANGES_READ}
    listed = {one.role: one.scopes for one in kit.state.list_accounts(limit=10)}
    assert listed == {Role.SERVICE: scopes, Role.CLINICIAN: frozenset()}
    assert kit.state.sign_in(sign_in.id).actor.scopes == scopes
    before = content_of(kit)
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert content_of(kit) == before


def test_a_revoked_secret_ends_every_sign_in_of_its_account_and_no_other(kit):
    service, person = a_service(Scope.CHANGES_READ), an_account()
    service.add_secret(
        at=AT, by=uuid4(), secret_id=(secret_id := uuid4()), digest=b"d" * 32, expires_at=AT + timedelta(days=1)
    )
    own, others = a_sign_in(service.id), a_sign_in(person.id)
    kit.save(service, person, own, others)
    service.revoke_secret(at=AT, by=uuid4(), secret_id=secret_id)
    kit.save(service)
    assert kit.state.sign_in(own.id).revoked
    assert not kit.state.sign_in(others.id).revoked
    assert kit.store(Account).get(service.id) == service


def test_an_account_is_found_by_its_login_and_by_its_id(kit):
    account = an_account(supervisor_id=(supervisor := uuid4()))
    kit.save(account)
    record = kit.state.account_by_login("ida@clinic.example")
    assert record == kit.state.account(account.id)
    assert (record.id, record.role, record.display_name) == (account.id, Role.CLINICIAN, "Ida Larsson")
    assert record.password_hash == account.password_hash
    assert (record.failed_attempts, record.locked_until_us, record.disabled) == (0, 0, False)
    assert (record.client_id, record.supervisor_id) == (None, supervisor)


def test_nobody_is_found_by_another_login(kit):
    kit.save(an_account())
    for login in ("IDA@clinic.example", "ida@clinic.example ", "", "nobody@clinic.example"):
        assert kit.state.account_by_login(login) is None
    assert kit.state.account(uuid4()) is None


def test_failures_locks_and_changes_of_password_show_at_once(kit):
    account = an_account()
    kit.save(account)
    until = AT + timedelta(minutes=15)
    account.fail_sign_in(at=AT, lock_after=2, locked_until=until)
    kit.save(account)
    assert kit.state.account(account.id).failed_attempts == 1
    account.fail_sign_in(at=AT, lock_after=2, locked_until=until)
    kit.save(account)
    assert kit.state.account(account.id).locked_until_us == microseconds(until)
    account.change_password(at=AT, by=uuid4(), password_hash="$argon2id$new")
    kit.save(account)
    record = kit.state.account(account.id)
    assert (record.password_hash, record.failed_attempts, record.locked_until_us) == ("$argon2id$new", 0, 0)
    account.disable(at=AT, by=uuid4())
    account.rehash_password(at=AT, password_hash="$argon2id$newer")
    kit.save(account)
    record = kit.state.account(account.id)
    assert (record.disabled, record.password_hash) == (True, "$argon2id$newer")
    account.enable(at=AT, by=uuid4())
    kit.save(account)
    assert not kit.state.account(account.id).disabled


def test_a_sign_in_gives_the_actor_and_what_ends_it(kit):
    account = an_account(role=Role.CLIENT, client_id=(client := uuid4()))
    sign_in = a_sign_in(account.id)
    kit.save(account, sign_in)
    record = kit.state.sign_in(sign_in.id)
    assert record.actor == Actor(id=account.id, role=Role.CLIENT, sign_in_id=sign_in.id, client_id=client)
    assert (record.refresh_hash, record.refreshed_at_us) == (b"r" * 32, microseconds(AT))
    assert record.expires_at_us == microseconds(AT + timedelta(hours=12))
    assert (record.revoked, record.account_usable) == (False, True)
    sign_in.refresh(at=AT + timedelta(minutes=5), refresh_hash=b"s" * 32)
    kit.save(sign_in)
    record = kit.state.sign_in(sign_in.id)
    assert (record.refresh_hash, record.refreshed_at_us) == (b"s" * 32, microseconds(AT + timedelta(minutes=5)))
    sign_in.revoke(at=AT, reason="signed_out")
    kit.save(sign_in)
    assert kit.state.sign_in(sign_in.id).revoked
    assert kit.state.sign_in(uuid4()) is None


def test_a_change_of_password_ends_all_other_sign_ins(kit):
    account, other = an_account(), an_account("other@clinic.example")
    kept, ended, foreign = a_sign_in(account.id), a_sign_in(account.id), a_sign_in(other.id)
    kit.save(account, other, kept, ended, foreign)
    account.change_password(at=AT, by=account.id, password_hash="x", kept_sign_in_id=kept.id)
    kit.save(account)
    assert [kit.state.sign_in(each.id).revoked for each in (kept, ended, foreign)] == [False, True, False]


def test_disabling_an_account_ends_its_sign_ins_and_marks_it(kit):
    account = an_account()
    sign_in = a_sign_in(account.id)
    kit.save(account, sign_in)
    account.disable(at=AT, by=uuid4())
    kit.save(account)
    record = kit.state.sign_in(sign_in.id)
    assert (record.revoked, record.account_usable) == (True, False)


def test_a_linked_identity_leads_to_its_account_until_it_is_unlinked(kit):
    account, other = an_account(), an_account("other@clinic.example")
    who = ("https://id.clinic.example", "24400320")
    account.link_identity(at=AT, by=uuid4(), link_id=(link := uuid4()), issuer=who[0], subject=who[1])
    kit.save(account, other)
    assert kit.state.account_of_identity(*who) == account.id
    assert kit.state.account_of_identity(who[0], "24400321") is None
    assert kit.state.account_of_identity(who[0] + "/", who[1]) is None
    other.link_identity(at=AT, by=uuid4(), link_id=uuid4(), issuer=who[0], subject=who[1])
    with pytest.raises(IdentityTaken):
        kit.save(other)
    account.unlink_identity(at=AT, by=uuid4(), link_id=link)
    kit.save(account)
    assert kit.state.account_of_identity(*who) is None


def test_open_sign_ins_are_those_that_are_neither_ended_nor_over_the_last_used_first(kit):
    account = an_account()
    first, second, over, ended = (a_sign_in(account.id) for _ in range(4))
    kit.save(account, first, second, over, ended)
    first.refresh(at=AT + timedelta(minutes=5), refresh_hash=b"s" * 32)
    ended.revoke(at=AT, reason="signed_out")
    kit.save(first, ended)
    now_us = microseconds(AT + timedelta(minutes=6))
    assert kit.state.open_sign_ins(account.id, now_us, 10)[0] == first.id
    assert set(kit.state.open_sign_ins(account.id, now_us, 10)) == {first.id, second.id, over.id}
    assert len(kit.state.open_sign_ins(account.id, now_us, 2)) == 2
    assert list(kit.state.open_sign_ins(account.id, microseconds(AT + timedelta(hours=12)), 10)) == []
    account.end_all_sign_ins(at=AT, by=uuid4(), kept_sign_in_id=second.id)
    kit.save(account)
    assert list(kit.state.open_sign_ins(account.id, now_us, 10)) == [second.id]


def test_the_last_use_of_a_secret_is_kept_and_goes_with_it(kit):
    service = an_account(role=Role.SERVICE, scopes=(Scope.CHANGES_READ,))
    until = AT + timedelta(days=1)
    service.add_secret(at=AT, by=uuid4(), secret_id=(secret := uuid4()), digest=b"d" * 32, expires_at=until)
    kit.save(service)
    assert kit.state.secrets_used(service.id) == {}
    for minute in (1, 2):
        at = AT + timedelta(minutes=minute)
        kit.save(
            SignIn.open(
                uuid4(), at=at, account_id=service.id, refresh_hash=b"r" * 32, expires_at=until, secret_id=secret
            )
        )
        assert kit.state.secrets_used(service.id) == {secret: microseconds(at)}
    service.revoke_secret(at=AT, by=uuid4(), secret_id=secret)
    kit.save(service)
    assert kit.state.secrets_used(service.id) == {}


def test_an_account_moved_to_another_row_does_not_open(kit):
    one, two = an_account(), an_account("two@clinic.example")
    kit.save(one, two)
    with kit.databases.events.begin() as connection:
        state = connection.execute(select(accounts.c.state).where(accounts.c.id == one.id)).scalar_one()
        connection.execute(accounts.update().where(accounts.c.id == two.id).values(state=state))
    with pytest.raises(SealBroken):
        kit.state.account(two.id)


def test_what_identifies_an_account_or_opens_it_is_in_no_repr(kit):
    account = an_account()
    kit.save(account)
    secrets = AccountSecrets(account.login, account.display_name, account.password_hash)
    for shown in (repr(kit.state.account(account.id)), repr(secrets)):
        for hidden in (account.login, account.display_name, account.password_hash):
            assert hidden not in shown


# Clients


def test_who_registers_is_the_primary_clinician_and_strangers_are_nobody(kit):
    client = a_client(by=(clinician := uuid4()))
    kit.save(client)
    assert kit.state.standing(clinician, client.id) == Standing(
        relation=Relation.PRIMARY_CLINICIAN, known=True, open=True
    )
    assert kit.state.standing(uuid4(), client.id) == Standing(relation=Relation.NONE, known=True, open=True)
    assert kit.state.standing(clinician, uuid4()) == Standing(relation=Relation.NONE, known=False, open=False)
    assert kit.state.relation(clinician, client.id) is Relation.PRIMARY_CLINICIAN
    assert kit.state.relation(uuid4(), client.id) is Relation.NONE
    assert kit.state.client_exists(client.id)
    assert not kit.state.client_exists(uuid4())


def test_joining_changing_and_leaving_a_care_team(kit):
    client, colleague = a_client(), uuid4()
    client.join_care_team(at=AT, by=uuid4(), account_id=colleague, relation=Relation.CLINICIAN)
    kit.save(client)
    assert kit.state.relation(colleague, client.id) is Relation.CLINICIAN
    client.join_care_team(at=AT, by=uuid4(), account_id=colleague, relation=Relation.SUPERVISOR)
    kit.save(client)
    assert kit.state.relation(colleague, client.id) is Relation.SUPERVISOR
    client.leave_care_team(at=AT, by=uuid4(), account_id=colleague)
    kit.save(client)
    assert kit.state.relation(colleague, client.id) is Relation.NONE


@pytest.mark.parametrize("how", ["made up", "copied from a colleague", "copied from another chart", "promoted"])
def test_a_row_that_someone_slipped_into_a_care_team_opens_no_chart(kit, how):
    """Whoever may write the event database and has an account must not read by adding a row."""
    colleague, intruder = uuid4(), uuid4()
    client, own = a_client(by=colleague), a_client(by=intruder)
    own.join_care_team(at=AT, by=intruder, account_id=(helper := uuid4()), relation=Relation.CLINICIAN)
    kit.save(client)
    kit.save(own)
    source = {"copied from a colleague": (client.id, colleague), "promoted": (own.id, helper)}
    copied = source.get(how, (own.id, intruder))
    who, chart = (helper, own.id) if how == "promoted" else (intruder, client.id)
    with kit.databases.events.begin() as connection:
        row = connection.execute(
            select(care_team).where(care_team.c.client_id == copied[0], care_team.c.account_id == copied[1])
        ).one()
        forged = {**row._mapping, "client_id": chart, "account_id": who, "relation": "primary_clinician"}
        if how == "made up":
            forged["mac"] = bytes(32)
        connection.execute(care_team.delete().where(care_team.c.client_id == chart, care_team.c.account_id == who))
        connection.execute(care_team.insert().values(forged))
    for ask in (
        lambda: kit.state.standing(who, chart),
        lambda: kit.state.relation(who, chart),
        lambda: kit.state.caseload(who),
    ):
        with pytest.raises(SealBroken):
            ask()


def test_a_caseload_lists_clients_in_the_order_they_were_joined(kit):
    clinician, joined = uuid4(), []
    for minute in (3, 1, 2):
        client = a_client()
        at = AT + timedelta(minutes=minute)
        client.join_care_team(at=at, by=uuid4(), account_id=clinician, relation=Relation.CLINICIAN)
        kit.save(client)
        joined.append((minute, client))
    first = min(joined, key=lambda each: each[0])[1]
    first.join_care_team(
        at=AT + timedelta(days=1), by=uuid4(), account_id=clinician, relation=Relation.PRIMARY_CLINICIAN
    )
    kit.save(first)
    assert list(kit.state.caseload(clinician)) == [client.id for _, client in sorted(joined, key=lambda each: each[0])]
    assert list(kit.state.caseload(uuid4())) == []


def test_a_consent_stands_until_it_is_withdrawn(kit):
    client, other = a_client(), a_client()
    ids = [uuid4(), uuid4()]
    for consent_id in ids:
        client.give_consent(
            at=AT, by=uuid4(), consent_id=consent_id, purpose=Purpose.RESEARCH, document="d/1", given_at=AT
        )
    other.give_consent(at=AT, by=uuid4(), consent_id=ids[0], purpose=Purpose.RESEARCH, document="d/1", given_at=AT)
    kit.save(client, other)
    assert kit.state.consented(client.id, Purpose.RESEARCH)
    assert not kit.state.consented(client.id, Purpose.MODEL_TRAINING)
    assert not kit.state.consented(uuid4(), Purpose.RESEARCH)
    for consent_id, still in zip(ids, (True, False), strict=True):
        client.withdraw_consent(at=AT, by=uuid4(), consent_id=consent_id)
        kit.save(client)
        assert kit.state.consented(client.id, Purpose.RESEARCH) is still
    assert kit.state.consented(other.id, Purpose.RESEARCH)


def test_a_chart_entered_in_error_is_closed_and_known(kit):
    client = a_client(by=(clinician := uuid4()))
    kit.save(client)
    client.mark_entered_in_error(at=AT, by=clinician, reason="Opened twice.")
    kit.save(client)
    standing = kit.state.standing(clinician, client.id)
    assert (standing.known, standing.open) == (True, False)


def test_clients_are_found_by_surname_and_birth_date_however_it_is_written(kit):
    client, twin = a_client(), a_client()
    kit.save(client, an_identity(client.id, family="Müller-Lüdenscheidt"))
    kit.save(twin, an_identity(twin.id, family="muller lüdenscheidt"))
    kit.save(other := a_client(), an_identity(other.id, birth_date="1984-05-18"))
    found = kit.state.find_by_identity("MÜLLER LÜDENSCHEIDT", "1984-05-17")
    assert sorted(found) == sorted([client.id, twin.id])
    for name, born in (("Müller", "1984-05-17"), ("Müller-Lüdenscheidt", "1984-05"), ("", ""), ("?!", "1984-05-17")):
        assert list(kit.state.find_by_identity(name, born)) == []


def test_a_corrected_name_is_found_and_the_mistaken_one_no_more(kit):
    client = a_client()
    identity = an_identity(client.id, family="Larson")
    kit.save(client, identity)
    names = (PersonName(family="Larsson", given="Ida"), PersonName(family="Berg", given="Ida", use=NameUse.MAIDEN))
    identity.correct(at=AT, by=uuid4(), content=IdentityContent(names=names, birth_date="1984-05-17"))
    kit.save(identity)
    assert [list(kit.state.find_by_identity(name, "1984-05-17")) for name in ("Larson", "Larsson", "Berg")] == [
        [],
        [client.id],
        [client.id],
    ]
    unknown_age = IdentityContent(names=names)
    identity.correct(at=AT, by=uuid4(), content=unknown_age)
    kit.save(identity)
    assert list(kit.state.find_by_identity("Larsson", "1984-05-17")) == []


# Together with the events, or not at all


def test_state_changes_with_its_events_or_not_at_all(kit):
    client, session = a_client(), a_session()
    kit.save(session)
    stale = kit.store(type(session)).get(session.id)
    stale.amend(at=AT, by=session.author_id, content=a_content(summary="mine"))
    session.sign(at=AT, by=session.author_id)
    kit.save(session)
    with pytest.raises(StaleVersion):
        kit.save(client, stale)
    assert not kit.state.client_exists(client.id)


def test_a_fenced_client_changes_no_more(kit):
    client = a_client()
    kit.save(client)
    fence(kit, client.id)
    client.join_care_team(at=AT, by=uuid4(), account_id=(late := uuid4()), relation=Relation.CLINICIAN)
    with pytest.raises(Erased):
        kit.save(client)
    assert kit.state.relation(late, client.id) is Relation.NONE


def content_of(kit):
    """All rows; sealed states opened, since sealing again gives other bytes."""
    found = {}
    with kit.databases.events.connect() as connection:
        for table in TABLES:
            rows = [dict(row._mapping) for row in connection.execute(select(table).order_by(*table.primary_key))]
            for row in rows:
                if "state" in row:
                    row["state"] = kit.vault.open_account(row["id"], bytes(row["state"]))
            found[table.name] = rows
    return found


def a_busy_week(kit):
    account, client = an_account(), a_client()
    sign_in = a_sign_in(account.id)
    identity = an_identity(client.id)
    kit.save(account, client, identity, sign_in)
    consent = uuid4()
    client.give_consent(at=AT, by=uuid4(), consent_id=consent, purpose=Purpose.RESEARCH, document="d", given_at=AT)
    client.join_care_team(at=AT, by=uuid4(), account_id=account.id, relation=Relation.CLINICIAN)
    client.withdraw_consent(at=AT, by=uuid4(), consent_id=consent)
    account.fail_sign_in(at=AT, lock_after=5, locked_until=AT)
    account.link_identity(at=AT, by=uuid4(), link_id=uuid4(), issuer="https://id.clinic.example", subject="7")
    sign_in.refresh(at=AT, refresh_hash=b"t" * 32)
    kit.save(client, account, sign_in)
    account.fail_sign_in(at=AT, lock_after=5, locked_until=AT)
    account.rehash_password(at=AT, password_hash="$argon2id$again")
    kit.save(account, a_session(client.id))
    identity.correct(
        at=AT, by=uuid4(), content=IdentityContent(names=(PersonName(family="Berg"),), birth_date="1984-05-17")
    )
    kit.save(identity)
    gone = a_client()
    kit.save(gone, an_identity(gone.id, family="Gone"))
    return gone


def test_rebuilding_from_the_events_gives_the_same_rows(kit):
    a_busy_week(kit)
    before = content_of(kit)
    with kit.databases.events.begin() as connection:
        connection.execute(care_team.delete())
        connection.execute(accounts.update().values(failed_attempts=77, role="operator"))
    assert content_of(kit) != before
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert content_of(kit) == before


def test_rebuilding_leaves_drafts_alone_and_opens_no_journal(kit):
    author, client = uuid4(), a_client()
    draft = Draft(id=uuid4(), client_id=client.id, author_id=author, saved_at_us=1, content="{}")
    kit.save(client)
    kit.save(a_session(client.id, author_id=author, draft_id=draft.id))
    kit.drafts.put(a_call(), AuditEntry(action="draft.save"), draft)  # an autosave that came late
    alter_state(kit, topic="record.2")
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert kit.drafts.get(draft.id) == draft
    assert kit.state.client_exists(client.id)


def alter_state(kit, topic):
    """Make the first event of a topic one that nobody can open."""
    [row, *_] = kit.recorder.select_notifications(1, 1, topics=[topic])
    with kit.databases.events.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("ALTER TABLE events DISABLE TRIGGER ALL"))
        else:
            connection.execute(text("DROP TRIGGER events_refuse_update"))
        spoilt = row.state[:-1] + bytes([row.state[-1] ^ 1])
        connection.execute(update(events).where(events.c.position == row.position).values(state=spoilt))


def test_what_was_erased_does_not_come_back(kit):
    gone = a_busy_week(kit)
    destroy_keys(kit, gone.id)
    rebuild_access_state(kit.databases.events, kit.recorder, kit.mapper, kit.writes)
    assert not kit.state.client_exists(gone.id)
    assert list(kit.state.find_by_identity("Gone", "1984-05-17")) == []
