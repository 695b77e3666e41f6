"""SELECTs that go to the driver directly answer as SQLAlchemy would, and fail as it would."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from sqlalchemy import bindparam, column, insert, select, table, text

from adapters.db.errors import DatabaseMissing
from adapters.event_store.questions import Question
from adapters.event_store.tables import commands

COMMAND = select(commands).where(commands.c.id == bindparam("command"), commands.c.version > 0).limit(5)


def stored(engine, **given):
    row = {
        "id": uuid4(),
        "first_position": 2**40,
        "last_position": 2**40 + 1,
        "recorded_at_us": 1,
        "fingerprint": bytes(range(32)),
        "status": 201,
        "location": "/v1/é",
        "version": 1,
        "resource_id": None,
    } | given
    with engine.begin() as connection:
        connection.execute(insert(commands).values(row))
    return row


def test_a_question_is_answered_as_sqlalchemy_answers_it(events_engine):
    for row in (stored(events_engine), stored(events_engine, resource_id=uuid4())):
        with events_engine.connect() as connection:
            expected = connection.execute(COMMAND, {"command": row["id"]}).one()
        (answer,) = Question(COMMAND).ask(events_engine, command=row["id"])
        assert tuple(answer) == tuple(expected)
        assert answer._asdict() == row
        assert [type(value) for value in answer] == [type(value) for value in expected]


def test_what_is_not_there_is_answered_with_nothing(events_engine):
    stored(events_engine, version=0)
    assert Question(COMMAND).ask(events_engine, command=UUID(int=7)) == []


def test_a_question_leaves_the_connection_as_it_was(events_engine):
    question = Question(COMMAND)
    for _ in range(3):
        question.ask(events_engine, command=uuid4())
        row = stored(events_engine)  # a transaction, on the same pooled connection
        with events_engine.connect() as connection:
            connection.execute(insert(commands).values(row | {"id": uuid4(), "location": "/undone"}))
            connection.rollback()
    undone = select(commands).where(commands.c.location == bindparam("location"))
    assert Question(undone).ask(events_engine, location="/undone") == []


def test_one_question_serves_many_threads(events_engine):
    rows = [stored(events_engine) for _ in range(20)]
    question = Question(COMMAND)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda row: question.ask(events_engine, command=row["id"]), rows * 5))
    assert [answer[0].id for answer in answers] == [row["id"] for row in rows * 5]


def test_an_error_of_the_driver_ends_as_one_of_ours(events_engine):
    lost = Question(select(column("id")).select_from(table("no_such_table")))
    with pytest.raises(DatabaseMissing):
        lost.ask(events_engine)
    with events_engine.connect() as connection:
        assert connection.execute(text("SELECT 1")).scalar_one() == 1
