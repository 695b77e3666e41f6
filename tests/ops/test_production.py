"""In production a start refuses what would be fine for a trial; each refusal says what and how to mend it."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.db.engines import Databases, open_database
from adapters.keys.root_file import FileRootKey
from ops.bootstrap import Part, build
from ops.checks.finding import State
from ops.checks.production import UnsafeInProduction, production, refuse_unsafe
from ops.settings import SettingInvalid, Settings
from tests.conftest import database_at, execute_on


def codes(settings: Settings) -> set[str]:
    return {finding.code for finding in production(settings) if finding.state is State.BROKEN}


@pytest.fixture
def apart(founded: Settings, tmp_path: Path) -> Settings:
    """As safe as one machine without a second disk can be: what is told by the settings is all well."""
    roots = {}
    for name in ("root_key", "notes_root_key"):
        FileRootKey.create(tmp_path / "elsewhere" / f"{name}.key")
        roots[name] = (f"file:{tmp_path / 'elsewhere' / f'{name}.key'}",)
    return replace(founded, mode="production", behind_tls=True, off_box=str(tmp_path / "safe"), **roots)


def test_in_development_everything_may_lie_in_one_place(founded: Settings) -> None:
    build(founded, parts=Part.API).close()
    assert codes(founded) == set()


def test_a_trial_s_folder_is_refused_with_all_that_is_wrong_at_once(founded: Settings) -> None:
    settings = replace(founded, mode="production")
    expected = {"keys_beside_events", "root_key_beside_data", "no_tls", "no_off_box"}
    assert codes(settings) == expected
    with pytest.raises(UnsafeInProduction) as caught:
        build(settings, parts=Part.API)
    for name in ("ANAMNESIS_KEYS_URL", "ANAMNESIS_BEHIND_TLS", "ANAMNESIS_OFF_BOX", str(founded.root_key_file)):
        assert name in caught.value.detail


def test_files_in_two_folders_of_one_disk_are_still_in_one_place(apart: Settings, tmp_path: Path) -> None:
    assert codes(apart) == {"keys_beside_events"}
    moved = tmp_path / "moved" / "keys.db"
    moved.parent.mkdir(mode=0o700)
    shutil.copy(apart.data_dir / "keys.db", moved)
    settings = replace(apart, keys_url=f"sqlite:///{moved}")
    (finding,) = (each for each in production(settings) if each.state is State.BROKEN)
    assert finding.code == "keys_beside_events"
    assert "file system" in finding.text


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder of another file system, as far as there is one."""
    folder = Path("/dev/shm")
    if not folder.is_dir() or folder.stat().st_dev == Path("/tmp").stat().st_dev:
        pytest.skip("there is no second file system here")
    own = folder / "anamnesis-test-production"
    own.mkdir(mode=0o700)
    yield own
    shutil.rmtree(own)


def test_apart_on_two_disks_a_production_starts(apart: Settings, other_disk: Path) -> None:
    shutil.copy(apart.data_dir / "keys.db", other_disk / "keys.db")
    settings = replace(apart, keys_url=f"sqlite:///{other_disk / 'keys.db'}")
    assert codes(settings) == set()
    build(settings, parts=Part.API).close()


def test_a_link_to_a_root_key_beside_the_data_is_beside_the_data(apart: Settings, tmp_path: Path) -> None:
    inside = apart.data_dir / "deep" / "root.key"
    FileRootKey.create(inside)
    (tmp_path / "link.key").symlink_to(inside)
    settings = replace(apart, root_key=(f"file:{tmp_path / 'link.key'}",))
    assert "root_key_beside_data" in codes(settings)


def test_one_root_for_both_is_refused(apart: Settings) -> None:
    assert "root_keys_alike" in codes(replace(apart, notes_root_key=apart.root_key))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"behind_tls": False}, "no_tls"),
        ({"off_box": None}, "no_off_box"),
        ({"redis_url": "redis://cache.practice.example:6379/0"}, "redis_without_tls"),
        ({"cors_origins": ("http://practice.example",)}, "origin_without_tls"),
    ],
)
def test_each_open_line_is_named(apart: Settings, change: dict[str, object], code: str) -> None:
    assert code in codes(replace(apart, **change))
    assert code not in codes(apart)


@pytest.mark.parametrize(
    ("address", "well"),
    [
        ("postgresql+psycopg://app@db.practice.example/views", False),
        ("postgresql+psycopg://app@db.practice.example/views?sslmode=require", False),
        ("postgresql+psycopg://app@db.practice.example/views?sslmode=verify-full", True),
        ("postgresql+psycopg://app@/views?host=/run/postgresql", True),
        ("postgresql+psycopg://app@127.0.0.1/views", True),
    ],
)
def test_a_line_to_a_database_elsewhere_is_checked_by_tls(apart: Settings, address: str, *, well: bool) -> None:
    assert ("database_without_tls" in codes(replace(apart, views_url=address))) is not well


def test_a_kms_is_beside_nothing(apart: Settings) -> None:
    arn = "awskms:arn:aws:kms:eu-central-1:123456789012:key/0d9a2b30-7c6f-4b77-9a40-6a4f4a8d3c01"
    assert "root_key_beside_data" not in codes(replace(apart, root_key=(arn,)))


def test_one_postgresql_database_by_two_addresses_is_one_place(apart: Settings, empty_postgres_url: str) -> None:
    """Asked of the server, not read from the addresses."""
    joined = "&" if "?" in empty_postgres_url else "?"
    other_address = f"{empty_postgres_url}{joined}application_name=other"
    events, keys = open_database(empty_postgres_url), open_database(other_address)
    with pytest.raises(UnsafeInProduction, match="one PostgreSQL database"):
        refuse_unsafe(apart, Databases(events, keys, events))
    events.dispose()
    keys.dispose()


def test_two_databases_of_one_server_are_pointed_out_and_start(
    apart: Settings, empty_postgres_url: str, postgres_url: str
) -> None:
    name = "anamnesis_production_keys"
    execute_on(postgres_url, f'CREATE DATABASE "{name}"')
    try:
        settings = replace(apart, events_url=empty_postgres_url, keys_url=database_at(postgres_url, name))
        found = {finding.code: finding.state for finding in production(settings)}
        assert found["keys_on_the_same_server"] is State.WARNING
        assert codes(settings) == set()
    finally:
        execute_on(postgres_url, f'DROP DATABASE "{name}" WITH (FORCE)')


def test_an_ordinary_account_may_ask_which_server_it_is(empty_postgres_url: str, postgres_url: str) -> None:
    from sqlalchemy import make_url

    execute_on(postgres_url, "DROP ROLE IF EXISTS anamnesis_plain", "CREATE ROLE anamnesis_plain LOGIN")
    try:
        plain = make_url(empty_postgres_url).set(username="anamnesis_plain").render_as_string(hide_password=False)
        engine = open_database(plain)
        from ops.checks.production import _identity

        assert all(_identity(engine, "events"))
        engine.dispose()
    finally:
        execute_on(postgres_url, "DROP ROLE anamnesis_plain")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ROOT_KEY", "root.key"),
        ("ROOT_KEY", "file:root.key"),
        ("NOTES_ROOT_KEY", "file:/a.key,,file:/b.key"),
        ("ROOT_KEY", "awskms:alias/mine"),
        ("MODE", "prod"),
        ("KEY_EPOCH_DAYS", "0"),
    ],
)
def test_settings_of_keys_that_are_none_are_refused(name: str, text: str) -> None:
    with pytest.raises(SettingInvalid, match=f"ANAMNESIS_{name} must be"):
        Settings.load({f"ANAMNESIS_{name}": text})


def test_addresses_of_roots_go_on_to_child_processes() -> None:
    given = {"ANAMNESIS_ROOT_KEY": "file:/a.key, file:/b.key", "ANAMNESIS_MODE": "Production"}
    settings = Settings.load(given)
    assert settings.root_addresses("main") == ("file:/a.key", "file:/b.key")
    assert settings.root_addresses("notes") == (f"file:{settings.notes_root_key_file}",)
    assert Settings.load(settings.environment()) == settings
