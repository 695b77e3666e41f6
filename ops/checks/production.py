"""What is fine for a trial and refused in production: one place for what must be apart, open lines, no place off the box.

Who gets hold of one disk, one back-up or one database server must not hold the record and its keys at once.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import Engine, make_url, text

from adapters.db.engines import Databases, open_database
from adapters.db.errors import translated
from adapters.keys.addresses import file_of
from domain.errors import AnamnesisError, Misconfigured
from ops.checks.databases import absent_file
from ops.checks.finding import Finding, broken, skipped, warning
from ops.settings import Settings

_PART: Final = "production"
_HERE: Final = ("", "127.0.0.1", "::1", "localhost")
_VERIFIED: Final = ("verify-ca", "verify-full")


class UnsafeInProduction(Misconfigured):
    """The sentence lists all that is wrong, each with what mends it."""

    code = "unsafe_in_production"
    hint = "Mend what is listed. Only for a trial without real people: ANAMNESIS_MODE=development."


def refuse_unsafe(settings: Settings, databases: Databases) -> None:
    """Raises UnsafeInProduction, StoreUnavailable, KeysUnavailable."""
    found = [*_told_by_settings(settings), *_one_place(databases)]
    if wrong := [finding for finding in found if finding.state.value == "broken"]:
        told = " ".join(f"({number}) {each.text} {each.mend}" for number, each in enumerate(wrong, start=1))
        raise UnsafeInProduction(f"This set-up is not safe in production: {told}", codes=[each.code for each in wrong])


def production(settings: Settings) -> Iterator[Finding]:
    """For the doctor: each refusal by itself; in development, that it is development."""
    if settings.mode != "production":
        yield Finding(part=_PART, text="Not asked for: ANAMNESIS_MODE is development.")
        return
    found = list(_told_by_settings(settings))
    urls = (settings.events_url, settings.keys_url)
    if any(absent_file(url) for url in urls):
        found.append(skipped(_PART, "a database is missing"))
    else:
        found += _asked(*urls)
    yield from found or [Finding(part=_PART, text="Keys, records and root keys lie apart; lines are closed.")]


def _asked(events_url: str, keys_url: str) -> Iterator[Finding]:
    events, keys = open_database(events_url, pool_size=1), open_database(keys_url, pool_size=1)
    try:
        yield from _one_place(Databases(events, keys, events))
    except AnamnesisError as error:
        yield Finding.of(_PART, error)
    finally:
        events.dispose()
        keys.dispose()


# Keys and events


def _one_place(databases: Databases) -> Iterator[Finding]:
    """Asked of the databases themselves: two addresses may lead to one server."""
    events, keys = databases.events, databases.keys
    if {events.dialect.name, keys.dialect.name} == {"sqlite"}:
        yield from _one_disk(Path(str(events.url.database)), Path(str(keys.url.database)))
    elif events.dialect.name == keys.dialect.name:
        yield from _one_server(events, keys)


def _one_disk(events: Path, keys: Path) -> Iterator[Finding]:
    if events.resolve().parent == keys.resolve().parent:
        where = f"Events and keys lie in one folder, {keys.parent}."
    elif events.stat().st_dev == keys.stat().st_dev:
        where = f"Events and keys lie on one file system ({events.parent}, {keys.parent})."
    else:
        return
    mend = "Set ANAMNESIS_KEYS_URL to a file on a disk of its own, which is backed up by itself."
    yield broken(_PART, "keys_beside_events", where, mend)


def _one_server(events: Engine, keys: Engine) -> Iterator[Finding]:
    (server, database), (other_server, other_database) = _identity(events, "events"), _identity(keys, "keys")
    if server != other_server:
        return
    if database == other_database:
        mend = "Set ANAMNESIS_KEYS_URL to a database on another server, with an account and back-ups of its own."
        yield broken(_PART, "keys_beside_events", "Events and keys lie in one PostgreSQL database.", mend)
    else:
        told = "Events and keys are two databases of one server: its administrator and its back-ups hold both."
        yield warning(_PART, "keys_on_the_same_server", told, "Better: a server of its own for ANAMNESIS_KEYS_URL.")


def _identity(engine: Engine, name: str) -> tuple[int, int]:
    """What the server calls itself since it was made, and the number of the database in it."""
    query = text(
        "SELECT s.system_identifier, d.oid FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()"
    )
    with translated(name), engine.connect() as connection:
        server, database = connection.execute(query).one()
    return int(server), int(database)


# What the settings tell


def _told_by_settings(settings: Settings) -> Iterator[Finding]:
    yield from _roots(settings)
    if not settings.behind_tls:
        mend = "Put a TLS proxy before the API and set ANAMNESIS_BEHIND_TLS=yes."
        yield broken(_PART, "no_tls", "Callers would come without TLS.", mend)
    if settings.off_box is None:
        mend = "Set ANAMNESIS_OFF_BOX to a folder on another machine or to a bucket that nothing can be removed from."
        told = "There is no place off the box for checkpoints and receipts: a whole log could be replaced unseen."
        yield broken(_PART, "no_off_box", told, mend)
    yield from _open_lines(settings)


def _roots(settings: Settings) -> Iterator[Finding]:
    main, notes = (set(settings.root_addresses(purpose)) for purpose in ("main", "notes"))
    if main & notes:
        mend = "Make a second root key: `anamnesis keys create --file …`, and name it in ANAMNESIS_NOTES_ROOT_KEY."
        yield broken(_PART, "root_keys_alike", "The root key and the notes root key are one.", mend)
    for address in sorted(main | notes):
        path = file_of(address)
        if path is not None and (beside := _beside_data(path, settings)):
            mend = "Move it to a disk that is neither backed up nor read with the data, or keep it in a KMS (awskms:…)."
            yield broken(
                _PART, "root_key_beside_data", f"The root key file {path} lies beside the data ({beside}).", mend
            )


def _beside_data(path: Path, settings: Settings) -> Path | None:
    """The folder of data that the file is in, at any depth."""
    folders = [settings.data_dir]
    for url in (settings.events_url, settings.keys_url, settings.views_url):
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            folders.append(Path(parsed.database).parent)
    real = Path(os.path.realpath(path))
    return next((folder for folder in folders if real.is_relative_to(os.path.realpath(folder))), None)


def _open_lines(settings: Settings) -> Iterator[Finding]:
    for name in ("events_url", "keys_url", "views_url"):
        url = make_url(getattr(settings, name))
        host = str(url.query.get("host") or url.host or "")
        if url.get_backend_name() == "sqlite" or host in _HERE or host.startswith("/"):
            continue
        if url.query.get("sslmode") not in _VERIFIED:
            told = f"The line to the database of ANAMNESIS_{name.upper()} is not checked by TLS."
            yield broken(_PART, "database_without_tls", told, "Add ?sslmode=verify-full to its address.")
    redis = urlsplit(settings.redis_url)
    if redis.scheme == "redis" and (redis.hostname or "") not in _HERE:
        yield broken(_PART, "redis_without_tls", "The line to Redis on another host is open.", "Use rediss://….")
    for origin in settings.cors_origins:
        if origin.startswith("http://"):
            told = f"Pages of {origin} may call the API, and anybody on the way can change them."
            yield broken(_PART, "origin_without_tls", told, "Name it with https:// in ANAMNESIS_CORS_ORIGINS.")
