"""Drafts: the author's own, sealed, audited, gone when the session is recorded."""

from dataclasses import replace
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from adapters.access.tables import drafts
from domain.errors import Erased, NotFound, SealBroken
from domain.ports.audit import AuditEntry
from domain.ports.ledger import Draft
from tests.seal.kit import a_call, a_session
from tests.seal.test_ledger import destroy_keys, fence

SAVED = AuditEntry(action="draft.save")


def a_draft(**fields):
    values = {
        "id": uuid4(),
        "client_id": uuid4(),
        "author_id": uuid4(),
        "saved_at_us": 1_772_000_000_000_000,
        "content": '{"summary":"half a sent"}',
    }
    return Draft(**(values | fields))


def put(kit, draft, call=None):
    return kit.drafts.put(call or a_call(), SAVED, draft)


def test_a_draft_reads_back_and_is_replaced_by_the_next(kit):
    draft = a_draft()
    assert put(kit, draft) == 1
    assert kit.drafts.get(draft.id) == draft
    newer = replace(draft, content='{"summary":"half a sentence — 東京"}', saved_at_us=draft.saved_at_us + 1)
    assert put(kit, newer) == 2
    assert kit.drafts.get(draft.id) == newer
    assert [event.action for event in kit.audit()] == ["draft.save", "draft.save"]


def test_an_authors_drafts_come_newest_first(kit):
    author = uuid4()
    older, newer = (a_draft(author_id=author, saved_at_us=us) for us in (5, 6))
    for each in (newer, a_draft(), older):
        put(kit, each)
    assert list(kit.drafts.of_author(author)) == [newer, older]


@pytest.mark.parametrize("field", ["author_id", "client_id"])
def test_nobody_takes_over_a_draft(kit, field):
    draft = a_draft()
    put(kit, draft)
    with pytest.raises(NotFound):
        put(kit, replace(draft, content="{}", **{field: uuid4()}))
    assert kit.drafts.get(draft.id) == draft


def test_a_discarded_draft_is_gone_and_discarding_it_again_is_no_error(kit):
    put(kit, draft := a_draft())
    for _ in range(2):
        kit.drafts.discard(a_call(), AuditEntry(action="draft.discard"), draft.id)
    with pytest.raises(NotFound):
        kit.drafts.get(draft.id)


def test_recording_the_session_removes_its_draft_in_the_same_append(kit):
    put(kit, draft := a_draft())
    other = a_draft()
    put(kit, other)
    kit.save(a_session(draft.client_id, author_id=draft.author_id, draft_id=draft.id))
    with pytest.raises(NotFound):
        kit.drafts.get(draft.id)
    kit.save(a_session(uuid4(), draft_id=other.id))  # of another client and author: not theirs to remove
    assert kit.drafts.get(other.id) == other


def test_stale_drafts_go_each_with_its_entry(kit):
    stale = [a_draft(saved_at_us=us) for us in range(230)]
    with kit.databases.events.begin() as connection:
        connection.execute(
            drafts.insert(),
            [
                {
                    "id": each.id,
                    "client_id": each.client_id,
                    "author_id": each.author_id,
                    "saved_at_us": each.saved_at_us,
                    "state": b"sealed",
                }
                for each in stale
            ],
        )
    put(kit, fresh := a_draft(saved_at_us=10**15))
    assert kit.drafts.discard_stale(a_call(), 10**15) == 230
    assert kit.drafts.discard_stale(a_call(), 10**15) == 0
    assert kit.drafts.get(fresh.id) == fresh
    entries = [event for event in kit.audit() if event.action == "draft.discard_stale"]
    assert {event.resources[0] for event in entries} == {each.id for each in stale}
    assert {event.client_id for event in entries} == {each.client_id for each in stale}


@pytest.mark.parametrize("field", ["id", "client_id", "author_id", "saved_at_us"])
def test_a_draft_moved_to_another_row_does_not_open(kit, field):
    put(kit, draft := a_draft())
    moved = replace(draft, **{field: 7 if field == "saved_at_us" else uuid4()})
    with kit.databases.events.begin() as connection:
        connection.execute(update(drafts).values(**{field: getattr(moved, field)}))
    with pytest.raises(SealBroken):
        kit.drafts.get(moved.id)


def test_a_fenced_clients_drafts_are_neither_written_nor_read(kit):
    author = uuid4()
    put(kit, draft := a_draft(author_id=author))
    put(kit, stays := a_draft(author_id=author))
    fence(kit, draft.client_id)
    with pytest.raises(Erased):
        kit.drafts.get(draft.id)
    for each in (draft, a_draft(client_id=draft.client_id)):
        with pytest.raises(Erased):
            put(kit, each)
    assert list(kit.drafts.of_author(author)) == [stays]
    kit.drafts.discard(a_call(), AuditEntry(action="draft.discard"), draft.id)


def test_a_fence_that_comes_between_look_and_append_still_holds(kit, monkeypatch):
    draft = a_draft()
    monkeypatch.setattr(kit.drafts, "_fenced", lambda _: False)
    fence(kit, draft.client_id)
    put(kit, draft)
    with kit.databases.events.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM drafts")).scalar_one() == 0


def test_an_erased_clients_drafts_are_left_out(kit):
    author = uuid4()
    put(kit, gone := a_draft(author_id=author))
    put(kit, stays := a_draft(author_id=author))
    destroy_keys(kit, gone.client_id)
    assert list(kit.drafts.of_author(author)) == [stays]
    with pytest.raises(Erased):
        kit.drafts.get(gone.id)
