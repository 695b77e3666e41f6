"""Writes the sample clinic, once: accounts through the services, each client's record in one append. Every step is a command
of its own, so that a load that was interrupted goes on where it stopped.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final
from uuid import UUID, uuid5

from domain.ports.call import Actor, Call, Command, Purpose, Role
from domain.ports.ids import Clock, IdSource
from domain.ports.ledger import Ledger
from domain.services import Services
from domain.services.imports import ImportService, Taken
from ops.samples.chart import Cast
from ops.samples.clinic import Plan, clinic
from ops.samples.people import PEOPLE, Person, password

ORIGIN: Final = "demo"
_WRITERS: Final = 4
_DRAFT: Final = (
    '{"summary": "To prepare: the card, the review of the hierarchy.", "next_plan": "Plan the longer ride."}'
)


@dataclass(frozen=True, slots=True)
class Step:
    """One command of one actor. `key` names it within the demo, for ever."""

    key: str
    actor: Actor
    purpose: Purpose
    run: Callable[[Call], object]


class SampleLoader:
    """`seed` makes the demo's ids: random for each demo, kept beside its data. `today` is the day it was begun."""

    def __init__(  # noqa: PLR0913 - wiring
        self,
        services: Services,
        imports: ImportService,
        ledger: Ledger,
        clock: Clock,
        ids: IdSource,
        *,
        seed: UUID,
        today: date,
        zone: str,
    ) -> None:
        self._services = services
        self._imports = imports
        self._ledger = ledger
        self._clock = clock
        self._ids = ids
        self._seed = seed
        staff = {key: self._id(f"account/{key}") for key in ("clinician", "trainee", "supervisor")}
        self._plans = clinic(today, zone, Cast(id=self._id, **staff))

    def load(self, began: Callable[[int], None], advance: Callable[[int], None]) -> None:
        """Write what isn't written yet. `began` is told how many steps there are, `advance` how many more are done."""
        accounts = list(self._accounts())
        last = [*self._client_account(), *self._draft()]
        began(len(accounts) + len(self._plans) + len(last))
        self._write(accounts, advance)
        # Clients have nothing to do with each other: their writers share commits.
        with ThreadPoolExecutor(_WRITERS) as pool:
            for done in [pool.submit(self._take, plan) for plan in self._plans]:
                done.result()
                advance(1)
        self._write(last, advance)

    def account_id(self, person: Person) -> UUID:
        return self._id(f"account/{person.key}")

    def host_call(self) -> Call:
        """A call of whoever runs commands on this machine."""
        return self._call(Actor(id=self._id("host"), role=Role.SERVICE), Purpose.OPERATIONS, None)

    def _write(self, steps: Sequence[Step], advance: Callable[[int], None]) -> None:
        for step in steps:
            call = self._call(step.actor, step.purpose, Command(id=self._id(f"step/{step.key}")))
            if self._ledger.replay(call) is None:
                step.run(call)
            advance(1)

    def _take(self, plan: Plan) -> None:
        if self._imports.look(self.host_call(), plan.outline()) is Taken.WRITTEN:
            self._imports.take(self.host_call(), plan.record())

    def _call(self, actor: Actor, purpose: Purpose, command: Command | None) -> Call:
        return Call(
            actor=actor,
            request_id=self._ids.ordered(),
            at=self._clock.now(),
            origin=ORIGIN,
            purpose=purpose,
            command=command,
        )

    def _id(self, name: str) -> UUID:
        """An id that nobody can guess without the seed, the same at every run; marked as random, which it looks."""
        return UUID(bytes=uuid5(self._seed, name).bytes, version=4)

    # Accounts

    def _actor(self, key: str) -> Actor:
        person = next(person for person in PEOPLE if person.key == key)
        supervisor_id = self._id("account/supervisor") if key == "trainee" else None
        return Actor(id=self.account_id(person), role=person.role, supervisor_id=supervisor_id)

    def _accounts(self) -> Iterator[Step]:
        host = self.host_call().actor
        for person in PEOPLE:
            if person.role is Role.CLIENT:
                continue
            facts = _facts(person)
            if person.role is Role.OPERATOR:
                run = partial(self._services.accounts.bootstrap, account_id=self.account_id(person), **facts)
                yield Step(f"account/{person.key}", host, Purpose.OPERATIONS, run)
                continue
            supervisor_id = self._actor(person.key).supervisor_id
            make = partial(
                self._services.accounts.create,
                account_id=self.account_id(person),
                supervisor_id=supervisor_id,
                **facts,
            )
            yield Step(f"account/{person.key}", self._actor("operator"), Purpose.OPERATIONS, make)

    def _client_account(self) -> Iterator[Step]:
        """The account of the first sample client, who must be on record first."""
        person = next(person for person in PEOPLE if person.role is Role.CLIENT)
        make = partial(
            self._services.accounts.create,
            account_id=self.account_id(person),
            client_id=self._plans[0].client_id,
            **_facts(person),
        )
        yield Step(f"account/{person.key}", self._actor("operator"), Purpose.OPERATIONS, make)

    def _draft(self) -> Iterator[Step]:
        """What the clinician has begun to write about the first client, and not recorded yet."""
        plan = self._plans[0]
        save = partial(
            self._services.drafts.save,
            draft_id=self._id(f"draft/{plan.script.key}"),
            client_id=plan.client_id,
            content_json=_DRAFT,
        )
        yield Step(f"{plan.script.key}/draft", self._actor("clinician"), Purpose.TREATMENT, save)


def _facts(person: Person) -> dict[str, Any]:
    """What an account is made with. Nobody learns this password: each start of the demo sets a new one."""
    return {
        "login": person.login,
        "password": password(),
        "display_name": person.display_name,
        "role": person.role,
    }
