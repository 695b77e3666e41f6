"""The servers that the suites stand on are real, durable and apart from one another."""

import redis
from sqlalchemy import text

from adapters.db.engines import check_durable, check_revision
from migrations.run import CHAINS


def test_each_database_is_migrated_durable_and_empty(databases):
    for chain in CHAINS:
        engine = getattr(databases, chain)
        check_durable(engine)
        check_revision(engine, chain)
    with databases.events.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM events")).scalar_one() == 0


def test_redis_answers_and_is_empty(empty_redis_url):
    with redis.Redis.from_url(empty_redis_url) as client:
        assert client.dbsize() == 0
        assert client.set("a", "b")


def test_a_stopped_redis_comes_back(own_redis):
    own_redis.stop()
    own_redis.start()
    with redis.Redis.from_url(own_redis.url) as client:
        assert client.ping()


def test_real_data_is_a_folder(real_data):
    assert any(real_data.iterdir())
