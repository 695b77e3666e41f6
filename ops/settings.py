"""Every setting of the product, read from the environment here and nowhere else.

Names begin with ANAMNESIS_. A file named by ANAMNESIS_ENV_FILE holds further `NAME=value` lines; the environment wins over
it. Nothing secret has a default, and no error or repr shows the value of a setting that may hold a password.
"""

# ruff: noqa: RUF009 - _setting makes a dataclass field
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import Misconfigured
from domain.ports.call import Role

PREFIX: Final = "ANAMNESIS_"
_ENV_FILE: Final = PREFIX + "ENV_FILE"
_DEBUG: Final = PREFIX + "DEBUG"
# Set by tests, or by Kubernetes for every Service of a namespace: not ours, and no spelling mistakes either.
_FOREIGN: Final = re.compile(
    r"ANAMNESIS_(TEST_.*|REAL_DATA|DEMO_.*|BENCH_.*|.*SERVICE_(HOST|PORT).*|PORT_\d+_(TCP|UDP).*)"
)
_PEOPLE: Final = frozenset(role.value for role in Role if role is not Role.SERVICE)
_LOG_LEVELS: Final = ("debug", "info", "warning", "error")


Network = IPv4Network | IPv6Network


class SettingInvalid(Misconfigured):
    """A setting's value has the wrong shape. Names the variable and the shape it should have, never the value."""

    code = "setting_invalid"
    hint = "Correct the variable, then run `anamnesis doctor`."


class EnvFileUnreadable(Misconfigured):
    code = "env_file_unreadable"
    message = "The file named by ANAMNESIS_ENV_FILE can't be read."
    hint = "Each line is NAME=value; empty lines and lines that begin with # are passed over."


class _Shape(ValueError):
    """What a value should have been."""


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or not low <= int(text) <= high:
            raise _Shape(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _path(text: str) -> Path:
    if "\0" in text:
        raise _Shape("a path")
    return Path(text).expanduser().absolute()


def _database(text: str) -> str:
    shape = "sqlite:////absolute/path.db or postgresql://user:password@host:port/database"
    scheme, _, rest = text.partition("://")
    if scheme == "sqlite":
        # A database in memory is nobody's record: it can't be durable.
        if not rest.startswith("/") or rest.strip("/") in ("", ":memory:"):
            raise _Shape(shape)
        return text
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise _Shape(shape)
    _split(text, shape)
    return f"postgresql+psycopg://{rest}"


def _redis(text: str) -> str:
    shape = "redis://host:port/number, rediss://… with TLS, or unix:///path/to.sock"
    if text.partition("://")[0] not in ("redis", "rediss", "unix"):
        raise _Shape(shape)
    _split(text, shape)
    return text


def _split(text: str, shape: str) -> None:
    try:
        _ = urlsplit(text).port
    except ValueError:
        raise _Shape(shape) from None


def _host(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.:\[\]-]{1,253}", text):
        raise _Shape("an address or a host name, without a port")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(one.strip()) for one in text.split(","))
    except ValueError:
        raise _Shape("addresses or networks such as 10.0.0.0/8, separated by commas") from None


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(one.strip().rstrip("/") for one in text.split(","))
    if not all(re.fullmatch(r"https?://[A-Za-z0-9.-]+(:\d{1,5})?", one) for one in origins):
        raise _Shape("origins such as https://practice.example, separated by commas")
    return origins


def _yes_or_no(text: str) -> bool:
    if text.lower() not in ("yes", "no", "true", "false", "1", "0"):
        raise _Shape("yes or no")
    return text.lower() in ("yes", "true", "1")


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise _Shape("an IANA time zone such as Europe/Berlin") from None
    return text


def _level(text: str) -> str:
    if text.lower() not in _LOG_LEVELS:
        raise _Shape("one of " + ", ".join(_LOG_LEVELS))
    return text.lower()


def _off_box(text: str) -> str:
    """A folder's path is made absolute, so that child processes mean the same."""
    scheme = text.partition("://")[0] if "://" in text else ""
    if scheme not in ("", "file", "s3") or "\0" in text:
        raise _Shape("a folder (/mnt/safe, file:///mnt/safe) or a bucket (s3://bucket/prefix)")
    return text if scheme else str(_path(text))


def _web_address(text: str) -> str:
    shape = "an address such as https://storage.example"
    if not re.fullmatch(r"https?://[^\s,]+", text):
        raise _Shape(shape)
    _split(text, shape)
    return text.rstrip("/")


def _witnesses(text: str) -> tuple[str, ...]:
    witnesses = tuple(" ".join(one.split()) for one in text.split(","))
    if not all(re.fullmatch(r"https?://\S+ [^\s+]+\+[0-9a-f]{8}\+\S+", one) for one in witnesses):
        raise _Shape("an address, a space and a verifier key for each witness, separated by commas")
    return witnesses


def _roles(text: str) -> tuple[str, ...]:
    named = tuple(dict.fromkeys(one.strip().lower() for one in text.split(",")))
    if named not in (("staff",), ("none",)) and not set(named) <= _PEOPLE:
        raise _Shape("staff, none, or roles separated by commas")
    return named


def _per_role(low: int, high: int) -> Callable[[str], tuple[str, ...]]:
    """Such as operator=5,clinician=10, as texts of that form."""
    number = _whole(low, high)

    def parse(text: str) -> tuple[str, ...]:
        pairs = [one.strip().lower().partition("=") for one in text.split(",")]
        try:
            found = {role.strip(): number(amount.strip()) for role, _, amount in pairs}
        except _Shape:
            found = {}
        if len(found) != len(pairs) or not set(found) <= _PEOPLE:
            raise _Shape(f"roles with whole numbers from {low} to {high}, such as operator={low},clinician={high}")
        return tuple(f"{role}={amount}" for role, amount in found.items())

    return parse


def _issuer(text: str) -> str:
    """OpenID Connect Discovery 1.0 §3: an address over TLS, without query or fragment; without TLS on this machine alone."""
    shape = "the provider's issuer, such as https://id.practice.example, without query or fragment"
    _split(text, shape)
    parts = urlsplit(text)
    alone = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme not in (("https", "http") if alone else ("https",)) or not parts.hostname:
        raise _Shape(shape)
    if parts.query or parts.fragment or parts.username or "?" in text or "#" in text:
        raise _Shape(shape)
    return text


def _return_address(text: str) -> str:
    shape = (
        "the address of your front end that the provider sends people back to, such as https://app.practice.example/in"
    )
    _split(text, shape)
    if urlsplit(text).scheme not in ("https", "http") or not urlsplit(text).hostname or "#" in text:
        raise _Shape(shape)
    return text


def _oauth_words(text: str) -> str:
    if (
        not re.fullmatch(r"[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*", text)
        or "openid" not in text.split()
    ):
        raise _Shape("scopes separated by spaces, openid among them")
    return text


def _identifier(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e]{1,200}", text):
        raise _Shape("up to 200 visible characters")
    return text


def _roots(text: str) -> tuple[str, ...]:
    addresses = tuple(one.strip() for one in text.split(","))
    if not all(re.fullmatch(r"file:/[^\0]+|awskms:arn:aws[a-z-]*:kms:\S+", one) for one in addresses):
        raise _Shape("addresses such as file:/path/root.key or awskms:arn:aws:kms:…:key/…, separated by commas")
    return addresses


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in words:
            raise _Shape("one of " + ", ".join(words))
        return text.lower()

    return parse


def _setting(parse: Callable[[str], Any], default: Any, *, secret: bool = False) -> Any:
    """A field read from PREFIX + its name in capitals. `default` is a value, or a function of the data folder."""
    return field(metadata={"parse": parse, "default": default}, repr=not secret)


def _sqlite(name: str) -> Callable[[Path], str]:
    return lambda data_dir: f"sqlite:///{data_dir / name}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one process. Build with `load`; change one with `dataclasses.replace`."""

    data_dir: Path = _setting(_path, Path("var"))
    """Holds databases, keys and, for `demo`, Redis. Made with mode 0700."""
    events_url: str = _setting(_database, _sqlite("events.db"), secret=True)
    keys_url: str = _setting(_database, _sqlite("keys.db"), secret=True)
    views_url: str = _setting(_database, _sqlite("views.db"), secret=True)
    root_key_file: Path = _setting(_path, lambda data_dir: data_dir / "keys" / "root.key")
    notes_root_key_file: Path = _setting(_path, lambda data_dir: data_dir / "keys" / "notes-root.key")
    """Second root, for psychotherapy notes: only the API process loads it."""
    root_key: tuple[str, ...] = _setting(_roots, ())
    """Addresses of root keys, in place of the file above: while one replaces another, both."""
    notes_root_key: tuple[str, ...] = _setting(_roots, ())
    mode: str = _setting(_one_of("development", "production"), "development")
    """In production a start refuses what would be fine for a trial: everything in one place, no TLS."""
    key_epoch_days: int | None = _setting(_whole(1, 36500), None)
    """Days after which a data key is followed by another; without it, by the number of messages alone."""
    redis_url: str = _setting(_redis, "redis://127.0.0.1:6379/0", secret=True)
    host: str = _setting(_host, "127.0.0.1")
    port: int = _setting(_whole(1, 65535), 8000)
    workers: int = _setting(_whole(1, 64), 1)
    """API processes of one `serve`."""
    threads: int = _setting(_whole(1, 256), 32)
    """Requests one API process works on at once; as many database connections are kept for them."""
    one_core: bool = _setting(_yes_or_no, default=True)
    """Whether a single API process keeps to one core, where its threads hand the interpreter over fastest."""
    drain_s: int = _setting(_whole(1, 600), 10)
    """Seconds that running requests and jobs get to finish after SIGTERM."""
    trusted_proxies: tuple[Network, ...] = _setting(_networks, ())
    """Whose X-Forwarded-For is believed; nobody's by default."""
    cors_origins: tuple[str, ...] = _setting(_origins, ())
    """Pages of other origins that may call the API; none by default."""
    behind_tls: bool = _setting(_yes_or_no, default=False)
    """Whether callers come through TLS; browsers are then told to insist on it."""
    clinic_zone: str = _setting(_zone, "UTC")
    """Zone in which reports count days and weeks."""
    meaning_model: Path | None = _setting(_path, None)
    """Folder of a text encoder by which contexts are also chosen by meaning; without one, by words alone."""
    measure_days: int = _setting(_whole(1, 366), 28)
    """Days between measures of a client in treatment whose plan doesn't say how often."""
    unsigned_days: int = _setting(_whole(1, 365), 3)
    """Days that an author has to sign a session."""
    goal_days: int = _setting(_whole(1, 3650), 60)
    """Days after which an active goal that nothing touched is pointed out."""
    treatment_days: int = _setting(_whole(1, 3650), 90)
    """Days since the last session after which a client without an appointment counts as no longer in treatment."""
    warm_up: bool = _setting(_yes_or_no, default=True)
    """Whether an API process loads ahead what reports and pictures need: 150 MB that nobody may ask for."""
    break_glass_minutes: int = _setting(_whole(1, 24 * 60), 60)
    """How long a chart that was opened in an emergency stays open."""
    break_glass_per_day: int = _setting(_whole(1, 1_000), 5)
    """How often an account may break the glass in 24 hours."""
    review_hours: int = _setting(_whole(1, 24 * 90), 72)
    """Hours until every way past a care team must have been reviewed."""
    second_factor_roles: tuple[str, ...] = _setting(_roles, ())
    """Who does not get in without a second factor; unset, everybody but clients in production, else nobody."""
    idle_min: int = _setting(_whole(5, 720), 15)
    """Minutes after which a sign-in that nobody refreshes ends."""
    idle_min_of: tuple[str, ...] = _setting(_per_role(5, 720), ())
    """The same for some roles, where it is shorter."""
    sign_in_hours: int = _setting(_whole(1, 24), 12)
    """Hours after which a sign-in ends however busy it is."""
    sign_in_hours_of: tuple[str, ...] = _setting(_per_role(1, 24), ())
    """The same for some roles, where it is shorter."""
    breached_passwords: Path | None = _setting(_path, None)
    """File of passwords known to be stolen, which new ones must not stand in: sorted SHA-1 digests."""
    secret_days: int = _setting(_whole(1, 3650), 365)
    """Days after which the secret of a program ends."""
    oidc_issuer: str | None = _setting(_issuer, None)
    """OpenID provider that people may sign in with; none by default."""
    oidc_client_id: str = _setting(_identifier, "")
    """What the provider calls this deployment."""
    oidc_client_secret_file: Path | None = _setting(_path, None)
    """File that holds the secret the provider gave; without one, PKCE alone protects the exchange."""
    oidc_redirect_uri: str = _setting(_return_address, "")
    oidc_scopes: str = _setting(_oauth_words, "openid email")
    oidc_match_email: bool = _setting(_yes_or_no, default=False)
    """Whether an address that the provider has verified links itself to the account whose login it is."""
    oidc_trust_mfa: bool = _setting(_yes_or_no, default=False)
    """Whether a second factor that the provider says it saw (amr: mfa) counts as ours."""
    draft_days: int = _setting(_whole(1, 3650), 30)
    """Days after which a draft that nobody touched is discarded."""
    access_log_names: bool = _setting(_yes_or_no, default=False)
    """Whether clients see the names of those who looked at their record, beside their roles."""
    report_days: int = _setting(_whole(1, 365), 7)
    """Days that reports made in the background are kept."""
    lease_s: int = _setting(_whole(2, 120), 10)
    """Seconds after which a process that can't reach the event database stops using clients' keys; erasures wait so long."""
    retention_policy: Path | None = _setting(_path, None)
    """JSON file that says how long each class of record is kept; without one, what comes with the product."""
    webhook_networks: tuple[Network, ...] = _setting(_networks, ())
    """Private networks that webhooks may call; none by default. Only to a loopback network named here without TLS."""
    log_key_file: Path = _setting(_path, lambda data_dir: data_dir / "keys" / "log.key")
    """The key that checkpoints and receipts are signed with: loaded by the worker and commands on the host, if it is there."""
    off_box: str | None = _setting(_off_box, None)
    """Where checkpoints, receipts and the register of erasures outlive this machine: a folder or s3://bucket/prefix."""
    s3_endpoint: str | None = _setting(_web_address, None)
    """Address of a service with the interface of S3, when it isn't AWS."""
    checkpoint_minutes: int = _setting(_whole(1, 1440), 5)
    """Minutes between checkpoints that the worker publishes, when there is something new."""
    witnesses: tuple[str, ...] = _setting(_witnesses, ())
    """Who is asked to cosign each checkpoint: `address verifier-key`, separated by commas."""
    witnesses_needed: int = _setting(_whole(0, 100), 0)
    """How many cosignatures a checkpoint needs to be published; fewer only warn by default."""
    log_level: str = _setting(_level, "info")

    @classmethod
    def load(cls, env: Mapping[str, str] | None = None) -> Self:
        """Read from `env`, by default the process's environment. Raises SettingInvalid, EnvFileUnreadable."""
        given = _given(os.environ if env is None else env)
        values: dict[str, Any] = {}
        for setting in fields(cls):
            values[setting.name] = _value(setting.metadata, PREFIX + setting.name.upper(), given, values)
        return cls(**values)

    def root_addresses(self, purpose: str) -> tuple[str, ...]:
        """Where the root keys of a purpose, main or notes, are."""
        if purpose == "notes":
            return self.notes_root_key or (f"file:{self.notes_root_key_file}",)
        return self.root_key or (f"file:{self.root_key_file}",)

    def environment(self) -> dict[str, str]:
        """The settings as variables for a child process, beside what else the environment holds."""
        ours = {PREFIX + one.name.upper(): _text(getattr(self, one.name)) for one in fields(self)}
        kept = {name: value for name, value in os.environ.items() if name != _ENV_FILE}
        return kept | {name: value for name, value in ours.items() if value}


def _text(value: Any) -> str:
    """The text that a setting's parser reads back as this value."""
    if value is None:
        return ""
    return ",".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def _value(metadata: Mapping[str, Any], name: str, given: Mapping[str, str], earlier: Mapping[str, Any]) -> Any:
    text = given.get(name, "").strip()
    if not text:
        default = metadata["default"]
        if callable(default):
            return default(earlier["data_dir"])
        return default.absolute() if isinstance(default, Path) else default
    try:
        return metadata["parse"](text)
    except _Shape as exc:
        raise SettingInvalid(f"{name} must be {exc}.", variable=name) from None


def _given(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of the file named by ANAMNESIS_ENV_FILE, overlaid with those of the environment that aren't empty."""
    path = env.get(_ENV_FILE, "")
    from_file = _read_env_file(Path(path)) if path else {}
    return from_file | {name: value for name, value in env.items() if name.startswith(PREFIX) and value}


def _read_env_file(path: Path) -> dict[str, str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise EnvFileUnreadable(reason=type(exc).__name__) from None
    values: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.partition("=")
        if not equals or not re.fullmatch(r"[A-Z][A-Z0-9_]*", name.strip()):
            raise EnvFileUnreadable(f"Line {number} of the file named by ANAMNESIS_ENV_FILE is not NAME=value.")
        values[name.strip()] = value.strip().strip("\"'")
    return values


def debugging(env: Mapping[str, str] | None = None) -> bool:
    """Whether ANAMNESIS_DEBUG asks for tracebacks."""
    return (os.environ if env is None else env).get(_DEBUG, "").lower() not in ("", "0", "false", "no")


def unknown_names(env: Mapping[str, str] | None = None) -> list[tuple[str, str]]:
    """Variables that look like settings and are none, each with the nearest real name or ""."""
    known = [PREFIX + setting.name.upper() for setting in fields(Settings)] + [_ENV_FILE, _DEBUG]
    strange = [
        name
        for name in (os.environ if env is None else env)
        if name.startswith(PREFIX) and name not in known and not _FOREIGN.fullmatch(name)
    ]
    return [(name, next(iter(get_close_matches(name, known, 1, 0.75)), "")) for name in sorted(strange)]
