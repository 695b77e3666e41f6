"""PostgreSQL: one question and one insert a group, each a single statement with binary arrays.

Never psycopg's pipeline or executemany: with large rows client and server can each wait for the other to read. Never
LOCK TABLE: the application's role may only insert and select. Never a database function that assigns positions: a
tailing reader would miss some.
"""

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Any, Final, cast
from uuid import UUID

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format
from sqlalchemy import Connection

from adapters.event_store.connections import driver_of
from adapters.event_store.groups import Facts, Placement, Questions
from adapters.event_store.rows import Appended, CommandRow

LOCK: Final = 0x616E616D6E657369
"""Advisory lock of the log ("anamnesi" in ASCII): whoever writes events holds it until its commit is seen by all."""
CHANNEL: Final = "anamnesis_events"
"""Told (by _INSERT) of every group: the deployment's id and the last position, `<32 hexadecimal digits>:<position>`."""

IDLE_S: Final = 8
"""After which the server ends a writer that stands still under the lock: sooner than the others tire of waiting."""

# A generic plan made while the tables are small would scan them, and be kept while they grow; this connection only ever
# looks up by index.
_SETTINGS: Final = f"""
SET idle_in_transaction_session_timeout = '{IDLE_S}s';
SET plan_cache_mode = force_generic_plan; SET jit = off; SET enable_seqscan = off; SET enable_hashjoin = off;
SET enable_mergejoin = off; SET enable_bitmapscan = off; SET synchronous_commit = on"""
# A statement of its own: under READ COMMITTED only the statements after it see what the last holder committed.
_BEGIN: Final = f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK})"

_FACTS: Final = """
SELECT 0, NULL::uuid, (SELECT max(position) FROM events),
       (SELECT recorded_at_us FROM events ORDER BY position DESC LIMIT 1), (SELECT max(incarnation) FROM deployment),
       (SELECT leaf FROM events ORDER BY position DESC LIMIT 1), NULL::int, NULL::text, NULL::uuid,
       (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
UNION ALL
SELECT 1, s, h.version, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(%b::uuid[]) AS s
CROSS JOIN LATERAL (SELECT version FROM events WHERE stream = s ORDER BY version DESC LIMIT 1) AS h
UNION ALL
SELECT 2, c.id, c.first_position, c.last_position, c.version, c.fingerprint, c.status, c.location, c.resource_id,
       c.recorded_at_us
FROM unnest(%b::uuid[]) AS i CROSS JOIN LATERAL (SELECT * FROM commands WHERE id = i) AS c
UNION ALL
SELECT 3, f.subject, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest(%b::uuid[]) AS s CROSS JOIN LATERAL (SELECT subject FROM fences WHERE subject = s) AS f
UNION ALL
SELECT 4, NULL, t.position, NULL, NULL, NULL, NULL, t.application, NULL, NULL
FROM unnest(%b::text[]) AS a CROSS JOIN LATERAL (SELECT * FROM tracking WHERE application = a) AS t"""

_INSERT: Final = """
WITH stored AS (
  INSERT INTO events (position, stream, version, topic, subject, class, key_id, incarnation, recorded_at_us,
                      state_hash, leaf, state)
  SELECT %b::int8 + n - 1, stream, version, topic, subject, class, key_id, %b::int2, %b::int8, state_hash, leaf, state
  FROM unnest(%b::uuid[], %b::int4[], %b::text[], %b::uuid[], %b::text[], %b::uuid[], %b::bytea[], %b::bytea[],
              %b::bytea[])
  WITH ORDINALITY AS r (stream, version, topic, subject, class, key_id, state_hash, leaf, state, n)
), remembered AS (
  INSERT INTO commands (id, first_position, last_position, recorded_at_us, fingerprint, status, location, version,
                        resource_id)
  SELECT id, first_position, last_position, %b::int8, fingerprint, status, location, version, resource_id
  FROM unnest(%b::uuid[], %b::int8[], %b::int8[], %b::bytea[], %b::int4[], %b::text[], %b::int4[], %b::uuid[])
  AS c (id, first_position, last_position, fingerprint, status, location, version, resource_id)
), tiled AS (
  INSERT INTO tiles (level, tile, hashes)
  SELECT * FROM unnest(%b::int4[], %b::int8[], %b::bytea[])
), tracked AS (
  INSERT INTO tracking (application, position) SELECT * FROM unnest(%b::text[], %b::int8[])
  ON CONFLICT (application) DO UPDATE SET position = excluded.position
)
SELECT pg_notify('anamnesis_events', (SELECT replace(deployment_id::text, '-', '') FROM deployment
                               ORDER BY incarnation DESC LIMIT 1) || ':' || %b::int8)"""

_HEADER = Struct(">iiIii")
_INT4 = Struct(">i")
_INT8 = Struct(">q")
_NULL: Final = _INT4.pack(-1)


class _Array:
    """A one-dimensional array in PostgreSQL's binary format, made here because psycopg's own way costs more than the
    rest of a group.
    """

    oid = 0
    element = 0
    __slots__ = ("data",)

    def __init__(self, items: Sequence[bytes | None]) -> None:
        length = _INT4.pack
        head = _HEADER.pack(1 if items else 0, 1, self.element, len(items), 1)
        self.data = b"".join(
            [head if items else head[:12], *[part for item in items for part in _element(item, length)]]
        )


def _element(item: bytes | None, length: Any) -> tuple[bytes, ...]:
    return (_NULL,) if item is None else (length(len(item)), item)


class _Uuids(_Array):
    oid, element = 2951, 2950


class _Texts(_Array):
    oid, element = 1009, 25


class _Bytes(_Array):
    oid, element = 1001, 17


class _Int4s(_Array):
    oid, element = 1007, 23


class _Int8s(_Array):
    oid, element = 1016, 20


def _dumper(array: type[_Array]) -> type[Dumper]:
    class ArrayDumper(Dumper):
        format = Format.BINARY
        oid = array.oid

        def dump(self, obj: Any) -> bytes:
            return cast("bytes", obj.data)

    return ArrayDumper


_DUMPERS: Final = {array: _dumper(array) for array in (_Uuids, _Texts, _Bytes, _Int4s, _Int8s)}


class PostgresqlInserts:
    """See Inserts."""

    def prepare(self, connection: Connection) -> None:
        driver = _driver(connection)
        driver.autocommit = True  # BEGIN travels with the lock instead of alone
        driver.execute(_SETTINGS)
        for array, dumper in _DUMPERS.items():
            driver.adapters.register_dumper(array, dumper)

    def begin(self, connection: Connection) -> None:
        _driver(connection).execute(_BEGIN)

    def lock(self, connection: Connection) -> None:
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")

    def facts(self, connection: Connection, questions: Questions) -> Facts:
        facts = Facts()
        with _driver(connection).cursor(binary=True) as cursor:
            cursor.execute(
                _FACTS,
                (
                    _uuids(questions.streams),
                    _uuids(questions.commands),
                    _uuids(questions.subjects),
                    _Texts([name.encode() for name in questions.applications]),
                ),
                prepare=True,
            )
            for row in cursor.fetchall():
                _take(facts, row)
        return facts

    def insert(self, connection: Connection, placement: Placement) -> None:
        with _driver(connection).cursor(binary=True) as cursor:
            cursor.execute(_INSERT, _parameters(placement), prepare=True)


def _driver(connection: Connection) -> psycopg.Connection[Any]:
    return cast("psycopg.Connection[Any]", driver_of(connection))


def _uuids(ids: Iterable[UUID | None]) -> _Uuids:
    return _Uuids([each.bytes if each else None for each in ids])


def _int4s(numbers: Iterable[int]) -> _Int4s:
    return _Int4s([_INT4.pack(number) for number in numbers])


def _int8s(numbers: Iterable[int]) -> _Int8s:
    return _Int8s([_INT8.pack(number) for number in numbers])


def _texts(texts: Iterable[str]) -> _Texts:
    return _Texts([text.encode() for text in texts])


def _parameters(placement: Placement) -> tuple[Any, ...]:
    rows, appended, tiles = placement.rows, placement.commands, placement.tiles
    commands = [each.command for each in appended]
    return (
        placement.first,
        placement.incarnation,
        placement.recorded_at_us,
        _uuids(row.stream for row in rows),
        _int4s(row.version for row in rows),
        _texts(row.topic for row in rows),
        _uuids(row.subject for row in rows),
        _texts(row.record_class for row in rows),
        _uuids(row.key_id for row in rows),
        _Bytes([row.state_hash for row in rows]),
        _Bytes(placement.leaves),
        _Bytes([row.state for row in rows]),
        placement.recorded_at_us,
        _uuids(command.id for command in commands),
        _int8s(each.first for each in appended),
        _int8s(each.last for each in appended),
        _Bytes([command.fingerprint for command in commands]),
        _int4s(command.status for command in commands),
        _texts(command.location for command in commands),
        _int4s(command.version for command in commands),
        _uuids(command.resource_id for command in commands),
        _int4s(tile.level for tile in tiles),
        _int8s(tile.number for tile in tiles),
        _Bytes([tile.hashes for tile in tiles]),
        _texts(placement.tracking),
        _int8s(placement.tracking.values()),
        placement.last,
    )


def _take(facts: Facts, row: tuple[Any, ...]) -> None:
    """One row of the answer, told apart by its first column."""
    match row:
        case (1, stream, version, *_):
            facts.heads[stream] = version
        case (0, _, position, recorded_at_us, incarnation, leaf, _, _, _, server_us):
            facts.last_position, facts.last_recorded_at_us = position or 0, recorded_at_us or 0
            facts.incarnation, facts.last_leaf, facts.server_us = incarnation or 0, leaf or b"", server_us
        case (2, command_id, first, last, version, fingerprint, status, location, resource_id, recorded_at_us):
            command = CommandRow(
                id=command_id,
                fingerprint=fingerprint,
                status=status,
                location=location,
                version=version,
                resource_id=resource_id,
            )
            facts.commands[command_id] = Appended(
                first=first, last=last, recorded_at_us=recorded_at_us, command=command
            )
        case (3, subject, *_):
            facts.fenced.add(subject)
        case (4, _, position, _, _, _, _, application, *_):
            facts.tracking[application] = position
