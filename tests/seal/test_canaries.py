"""What people wrote, their names and their secrets lie in no file of any database, logs of the databases included."""

import json
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from adapters.db.engines import open_databases
from domain.model.account import Account
from domain.model.client import Client
from domain.model.identity import Identity, IdentityContent
from domain.model.session import Session
from domain.model.sign_in import SignIn
from domain.model.values import Address, Contact, ContactKind, EmergencyContact, Emotion, PersonName, Valence
from domain.ports.audit import AuditEntry
from domain.ports.call import Purpose
from domain.ports.keys import RecordClass
from domain.ports.ledger import Draft
from tests.conftest import DatabaseUrls, database_at, execute_on, migrate
from tests.seal.kit import AT, Kit, a_call, a_client, a_content, a_session, an_account, files_of


class Canaries:
    """Words that occur nowhere else, counted."""

    def __init__(self):
        self.words = []

    def sing(self) -> str:
        self.words.append(f"canary{len(self.words)}x{uuid4().hex[:12]}")
        return self.words[-1]

    def found_in(self, files):
        return {word: name for word in self.words for name, content in files.items() if word.encode() in content}


def write_everything(kit: Kit, bird: Canaries) -> None:
    """Every field that a person fills, through every way in; then some of it again, changed and removed."""
    sing = bird.sing
    account = an_account(f"{sing()}@clinic.example", display_name=sing(), password_hash=f"$argon2id${sing()}")
    client = a_client(by=account.id)
    client.give_consent(
        at=AT, by=account.id, consent_id=uuid4(), purpose=Purpose.RESEARCH, document=sing(), given_at=AT
    )
    identity = Identity.record(client.id, at=AT, by=account.id, content=who(bird))
    session = a_session(client.id, author_id=account.id, **entry(bird))
    kit.save(account, client, identity, session)
    sign_in = SignIn.open(
        uuid4(), at=AT, account_id=account.id, refresh_hash=bytes(32), expires_at=AT + timedelta(hours=1)
    )
    kit.save(sign_in)
    account.change_password(at=AT, by=account.id, password_hash=f"$argon2id${sing()}")
    identity.correct(at=AT, by=account.id, content=who(bird))
    session.amend(at=AT, by=account.id, content=a_content(**entry(bird)))
    session.sign(at=AT, by=account.id)
    session.add_addendum(at=AT, by=account.id, addendum_id=uuid4(), text=sing())
    session.mark_entered_in_error(at=AT, by=account.id, reason=sing())
    client.mark_entered_in_error(at=AT, by=account.id, reason=sing())
    kit.save(account, identity, session, client, call=a_call(origin=sing()))
    kit.ledger.note(a_call(), AuditEntry(action=sing(), reason=sing(), client_id=client.id))
    draft = Draft(
        id=uuid4(), client_id=client.id, author_id=account.id, saved_at_us=1, content=json.dumps({"summary": sing()})
    )
    kit.drafts.put(a_call(), AuditEntry(action="draft.save"), draft)
    notes = kit.ring.key_id(client.id, RecordClass.NOTES)
    kit.ring.seal(notes, sing().encode(), b"")
    for aggregate_class, aggregate in ((Session, session), (Account, account), (Client, client), (Identity, identity)):
        assert kit.store(aggregate_class, snapshot_after=1).get(aggregate.id) == aggregate
    kit.drafts.discard(a_call(), AuditEntry(action="draft.discard"), draft.id)


def who(bird):
    sing = bird.sing
    return IdentityContent(
        names=(PersonName(family=sing(), given=sing()),),
        birth_date="1984-05-17",
        pronouns=sing(),
        contacts=(Contact(kind=ContactKind.OTHER, value=sing(), label=sing()),),
        address=Address(lines=(sing(),), city=sing(), postal_code=sing(), region=sing()),
        emergency_contacts=(
            EmergencyContact(
                name=PersonName(given=sing()),
                relationship=sing(),
                contacts=(Contact(kind=ContactKind.OTHER, value=sing()),),
            ),
        ),
    )


def entry(bird):
    sing = bird.sing
    return {
        "summary": sing(),
        "themes": (sing(),),
        "emotions": (Emotion(name=sing(), intensity=1, valence=Valence.NEUTRAL),),
        "interventions": (sing(),),
        "homework": sing(),
        "next_plan": sing(),
    }


def test_no_file_of_sqlite_holds_a_plain_word(tmp_path):
    urls = DatabaseUrls.in_folder(tmp_path / "data")
    migrate(urls)
    bird = Canaries()
    with open_databases(*urls) as databases:
        kit = Kit.on(databases)
        write_everything(kit, bird)
        files = files_of(tmp_path)  # connections are open: the write-ahead logs are there
        assert {Path(name).name for name in files} >= {"events.db", "events.db-wal", "keys.db", "keys.db-wal"}
        assert bird.found_in(files) == {}
        assert len(bird.words) > 40
        kit.recorder.close()
    assert bird.found_in(files_of(tmp_path)) == {}


def test_no_file_of_postgresql_holds_a_plain_word(own_postgres):
    name = f"canaries_{uuid4().hex}"
    execute_on(own_postgres.url(), f'CREATE DATABASE "{name}"')
    url = database_at(own_postgres.url(), name)
    migrate(DatabaseUrls(url, url, url))
    bird = Canaries()
    with open_databases(url, url, url) as databases:
        kit = Kit.on(databases)
        write_everything(kit, bird)
        kit.recorder.close()
    execute_on(own_postgres.url(), "CHECKPOINT")
    files = files_of(own_postgres.folder)
    assert any("pg_wal" in path for path in files)
    assert bird.found_in(files) == {}


@pytest.mark.parametrize("where", ["events", "keys"])
def test_the_search_would_find_a_word_that_is_there(tmp_path, where):
    urls = DatabaseUrls.in_folder(tmp_path / "data")
    migrate(urls)
    bird = Canaries()
    with open_databases(*urls) as databases:
        with getattr(databases, where).begin() as connection:
            connection.exec_driver_sql("CREATE TABLE leak (word TEXT)")
            connection.exec_driver_sql("INSERT INTO leak VALUES (?)", (bird.sing(),))
        assert set(bird.found_in(files_of(tmp_path))) == set(bird.words)
