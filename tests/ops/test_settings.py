import dataclasses
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ops.settings import EnvFileUnreadable, SettingInvalid, Settings, debugging, unknown_names
from tests.ops.conftest import ROOT


def test_nothing_set_gives_a_whole_local_set_up_below_one_folder(tmp_path: Path) -> None:
    settings = Settings.load({"ANAMNESIS_DATA_DIR": str(tmp_path)})

    assert settings.events_url == f"sqlite:///{tmp_path}/events.db"
    assert settings.keys_url == f"sqlite:///{tmp_path}/keys.db"
    assert settings.views_url == f"sqlite:///{tmp_path}/views.db"
    assert settings.root_key_file == tmp_path / "keys" / "root.key"
    assert settings.notes_root_key_file == tmp_path / "keys" / "notes-root.key"
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_a_relative_data_folder_is_made_absolute_so_that_children_mean_the_same() -> None:
    assert Settings.load({}).data_dir == Path.cwd() / "var"


def test_settings_can_not_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings.load({}).port = 1


@pytest.mark.parametrize(
    ("name", "value", "shape"),
    [
        ("PORT", "eighty", "whole number from 1 to 65535"),
        ("PORT", "70000", "whole number from 1 to 65535"),
        ("PORT", "tcp://10.0.0.1:8000", "whole number"),
        ("PORT", "-1", "whole number"),
        ("DRAFT_DAYS", "0", "whole number from 1"),
        ("EVENTS_URL", "mysql://root:hunter2@db/x", "postgresql://user:password@host"),
        ("EVENTS_URL", "sqlite://", "sqlite:////absolute/path.db"),
        ("EVENTS_URL", "sqlite:///:memory:", "sqlite:////absolute/path.db"),
        ("KEYS_URL", "postgresql://u:hunter2@host:port/x", "postgresql://user:password@host"),
        ("REDIS_URL", "http://localhost", "redis://host:port"),
        ("REDIS_URL", "redis://:hunter2@host:abc", "redis://host:port"),
        ("CLINIC_ZONE", "Berlin", "IANA time zone"),
        ("CLINIC_ZONE", "../etc/passwd", "IANA time zone"),
        ("LOG_LEVEL", "loud", "debug, info, warning, error"),
        ("HOST", "http://example.org/", "without a port"),
        ("TRUSTED_PROXIES", "the load balancer", "addresses or networks"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "addresses or networks"),
        ("CORS_ORIGINS", "*", "origins such as"),
        ("BEHIND_TLS", "perhaps", "yes or no"),
        ("SECOND_FACTOR_ROLES", "everybody", "staff, none, or roles"),
        ("SECOND_FACTOR_ROLES", "staff,operator", "staff, none, or roles"),
        ("SECOND_FACTOR_ROLES", "service", "staff, none, or roles"),
        ("IDLE_MIN", "4", "whole number from 5 to 720"),
        ("IDLE_MIN_OF", "operator", "roles with whole numbers from 5 to 720"),
        ("IDLE_MIN_OF", "operator=5,operator=6", "roles with whole numbers"),
        ("SIGN_IN_HOURS_OF", "nurse=2", "roles with whole numbers from 1 to 24"),
        ("SIGN_IN_HOURS_OF", "operator=25", "roles with whole numbers from 1 to 24"),
        ("OIDC_ISSUER", "http://id.practice.example", "the provider's issuer"),
        ("OIDC_ISSUER", "https://id.practice.example/?tenant=1", "the provider's issuer"),
        ("OIDC_ISSUER", "https://user:hunter2@id.practice.example", "the provider's issuer"),
        ("OIDC_SCOPES", "email", "openid among them"),
        ("OIDC_REDIRECT_URI", "app.practice.example/in", "front end"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_shape_without_being_shown(name: str, value: str, shape: str) -> None:
    with pytest.raises(SettingInvalid) as caught:
        Settings.load({f"ANAMNESIS_{name}": value})

    assert f"ANAMNESIS_{name} must be" in str(caught.value)
    assert shape in str(caught.value)
    assert "hunter2" not in str(caught.value)


@example("0")
@given(st.text(max_size=30))
def test_any_text_is_a_port_or_a_refusal(text: str) -> None:
    try:
        port = Settings.load({"ANAMNESIS_PORT": text}).port
    except SettingInvalid:
        assert not text.strip().isascii() or not text.strip().isdigit() or not 1 <= int(text) <= 65535
    else:
        assert 1 <= port <= 65535


def test_passwords_in_addresses_do_not_show() -> None:
    settings = Settings.load(
        {
            "ANAMNESIS_EVENTS_URL": "postgresql://app:hunter2@db/anamnesis",
            "ANAMNESIS_REDIS_URL": "redis://:hunter2@cache:6379/1",
        }
    )

    assert "hunter2" in settings.events_url
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_every_spelling_of_postgresql_means_psycopg(scheme: str) -> None:
    url = Settings.load({"ANAMNESIS_VIEWS_URL": f"{scheme}://u@h/d"}).views_url

    assert url == "postgresql+psycopg://u@h/d"


def test_a_file_of_settings_is_read_and_the_environment_wins(tmp_path: Path) -> None:
    file = tmp_path / "settings.env"
    file.write_text("# ours\n\nANAMNESIS_PORT=9000\nANAMNESIS_CLINIC_ZONE='Europe/Berlin'\n")

    settings = Settings.load({"ANAMNESIS_ENV_FILE": str(file), "ANAMNESIS_PORT": "9001"})

    assert (settings.port, settings.clinic_zone) == (9001, "Europe/Berlin")


@pytest.mark.parametrize("content", [b"just words\n", b"\xff\xfe", b"lower=1\n"])
def test_a_damaged_file_of_settings_is_refused_without_quoting_it(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "settings.env"
    file.write_bytes(content)

    with pytest.raises(EnvFileUnreadable) as caught:
        Settings.load({"ANAMNESIS_ENV_FILE": str(file)})

    assert "just words" not in str(caught.value)


def test_a_missing_file_of_settings_is_refused() -> None:
    with pytest.raises(EnvFileUnreadable):
        Settings.load({"ANAMNESIS_ENV_FILE": "/nowhere/settings.env"})


def test_a_child_process_reads_back_the_same_settings(tmp_path: Path) -> None:
    given = {
        "ANAMNESIS_DATA_DIR": str(tmp_path),
        "ANAMNESIS_CLINIC_ZONE": "Asia/Kolkata",
        "ANAMNESIS_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
        "ANAMNESIS_CORS_ORIGINS": "https://practice.example/, http://localhost:3000",
        "ANAMNESIS_BEHIND_TLS": "yes",
    }
    settings = dataclasses.replace(Settings.load(given), port=4321)

    assert Settings.load(settings.environment()) == settings


def test_a_misspelt_setting_is_found_with_what_was_probably_meant() -> None:
    found = unknown_names(
        {
            "ANAMNESIS_REDIS_URI": "x",
            "ANAMNESIS_EVERYTHING": "x",
            "ANAMNESIS_PORT": "8000",
            "ANAMNESIS_SERVICE_HOST": "10.0.0.1",
            "ANAMNESIS_PORT_80_TCP_ADDR": "10.0.0.1",
            "ANAMNESIS_TEST_REDIS_URL": "x",
        }
    )

    assert found == [("ANAMNESIS_EVERYTHING", ""), ("ANAMNESIS_REDIS_URI", "ANAMNESIS_REDIS_URL")]


def test_every_setting_is_documented_for_operators() -> None:
    told = (ROOT / "docs" / "operations.md").read_text()

    for setting in dataclasses.fields(Settings):
        assert f"_{setting.name.upper()}`" in told, setting.name


@pytest.mark.parametrize(("value", "asked"), [("", False), ("0", False), ("no", False), ("1", True), ("yes", True)])
def test_tracebacks_are_shown_only_when_asked_for(value: str, *, asked: bool) -> None:
    assert debugging({"ANAMNESIS_DEBUG": value}) is asked
