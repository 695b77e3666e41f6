"""A deployment with accounts, clients and their histories, and the product's own processes run on it."""

import json
import secrets
import sys
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from domain.ports.call import Actor, Call, Command, Purpose, Role
from ops.bench.assembly import Store, store
from ops.bench.places import Place
from ops.bench.processes import Running, free_port, running, until
from ops.bench.samples import Samples, ordered_id
from ops.bootstrap import Part, build
from ops.embedded_redis import EmbeddedRedis
from ops.settings import Settings

_WRITERS: Final = 32
_HOST: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """`sessions` maps each client to the ids of the sessions written for it."""

    place: Place
    samples: Samples
    settings: Settings
    passwords: dict[UUID, str]
    sessions: dict[UUID, list[UUID]]


@contextmanager
def clinic(place: Place, samples: Samples, weeks: dict[UUID, int]) -> Iterator[Clinic]:
    """Every client registered, with so many weeks of history (none unless named); accounts of the clinicians; a Redis."""
    redis = EmbeddedRedis.under(place.settings.data_dir)
    settings = replace(place.settings, redis_url=redis.url, host=_HOST, port=free_port())
    with running(redis.command()) as server, store(place) as one:
        until(redis.answers, "Redis", server)
        try:
            sessions = write_histories(one, samples, weeks)
            passwords = _make_accounts(settings, samples)
            yield Clinic(place=place, samples=samples, settings=settings, passwords=passwords, sessions=sessions)
        finally:
            redis.tidy()


def write_histories(one: Store, samples: Samples, weeks: dict[UUID, int]) -> dict[UUID, list[UUID]]:
    """Through the ledger, one append a step; clients side by side, the steps of one in order."""
    sessions: dict[UUID, list[UUID]] = {client: [] for client in samples.clients}
    histories = {client: list(samples.weeks(client, weeks.get(client, 0))) for client in samples.clients}

    def write(client: UUID) -> None:
        for piece in histories[client]:
            one.save(piece)
            if piece.entry.action == "session.record":
                sessions[client].append(piece.aggregates[0].id)

    with ThreadPoolExecutor(_WRITERS) as pool:
        for done in [pool.submit(write, client) for client in samples.clients]:
            done.result()
    return sessions


def _make_accounts(settings: Settings, samples: Samples) -> dict[UUID, str]:
    host = Actor(id=UUID(int=1), role=Role.SERVICE)
    passwords = {}
    with build(settings, parts=Part.API) as system:
        for clinician in samples.clinicians:
            passwords[clinician.id] = secrets.token_urlsafe(16)
            request_id = ordered_id()
            call = Call(
                actor=host,
                request_id=request_id,
                at=system.clock.now(),
                origin="bench",
                purpose=Purpose.OPERATIONS,
                command=Command(id=request_id),
            )
            system.services.accounts.bootstrap(
                call,
                clinician.id,
                login=_login(clinician),
                password=passwords[clinician.id],
                display_name="Bench",
                role=Role.CLINICIAN,
            )
    return passwords


@contextmanager
def serving(one: Clinic, *module: str) -> Iterator[Running]:
    """The API as `anamnesis serve` runs it, or another module, ready."""
    with running([sys.executable, "-m", *(module or ("ops.cli", "serve"))], one.settings.environment()) as server:
        until(lambda: _ready(one.settings), "the API", server)
        yield server


@contextmanager
def projecting(settings: Settings) -> Iterator[Running]:
    """The projections as `anamnesis project` runs them."""
    with running([sys.executable, "-m", "ops.cli", "project"], settings.environment()) as runner:
        yield runner


def sign_in(one: Clinic, clinician: Actor) -> str:
    """An access token, good for five minutes."""
    body = {"login": _login(clinician), "password": one.passwords[clinician.id]}
    return str(call_api(one.settings, "/v1/sign-ins", body=body)["access_token"])


def call_api(settings: Settings, target: str, *, token: str = "", body: Any = None) -> Any:
    """One request, outside of what is measured. Raises urllib's HTTPError."""
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
    request = urllib.request.Request(
        f"http://{settings.host}:{settings.port}{target}",
        data=None if body is None else json.dumps(body).encode(),
        headers=headers,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.load(answer)


def _ready(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"http://{settings.host}:{settings.port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _login(clinician: Actor) -> str:
    return f"{clinician.id.hex}@bench.example"
