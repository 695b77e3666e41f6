"""A request as a route sees it: who asks, with which conventions, and where the services are.

The kind of ask that an endpoint declares decides which headers count and are documented:

    Open      no sign-in
    Reading   signed in; Read-After
    Writing   signed in; Idempotency-Key, If-Match where the caller likes
    Editing   signed in; Idempotency-Key, and If-Match, without which it is refused
"""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header, Security
from fastapi.security import HTTPBearer

from api import headers as convention
from api.cursors import Cursors
from api.origin import Origin
from api.surface import Surface
from domain.ports.call import Actor, Call, Command, Purpose, Role
from domain.ports.ledger import Receipt

_PURPOSES: Final = {
    Role.CLIENT: Purpose.CLIENT_REQUEST,
    Role.COMPLIANCE_OFFICER: Purpose.COMPLIANCE,
    Role.OPERATOR: Purpose.OPERATIONS,
    Role.SERVICE: Purpose.OPERATIONS,
    Role.ML_ENGINEER: Purpose.MODEL_TRAINING,
}
_ACCESS_TOKEN: Final = HTTPBearer(
    scheme_name="access_token", description="The access token that a sign-in answered.", auto_error=False
)


class Ask:
    """Base: carries what every route needs."""

    signed_in = True

    def __init__(self, surface: Surface, origin: Origin, actor: Actor) -> None:
        self.services = surface.services
        self.runtime = surface.runtime
        self.gate = surface.gate
        self.origin = origin
        self.actor = actor
        usual = _PURPOSES.get(actor.role, Purpose.TREATMENT)
        self.purpose = (convention.purpose(origin.headers) if self.signed_in else None) or usual
        """What the header Purpose states; the table decides whether an account of this role may say so."""

    def call(self) -> Call:
        """For use cases that write nothing but their audit entry."""
        return self._call(None, None)

    def _call(self, command: Command | None, expected_version: int | None) -> Call:
        return Call(
            actor=self.actor,
            request_id=self.origin.request_id,
            at=self.origin.at,
            origin=self.origin.address,
            purpose=self.purpose,
            command=command,
            expected_version=expected_version,
        )


class Open(Ask):
    """Answered without a sign-in; the caller is nobody."""

    signed_in = False


class Reading(Ask):
    def __init__(self, surface: Surface, origin: Origin, actor: Actor) -> None:
        super().__init__(surface, origin, actor)
        self.at_least = convention.read_after(origin.headers)
        """The position that views must have reached (header Read-After), 0 for any."""

    @property
    def cursors(self) -> Cursors:
        return Cursors(self.runtime.tokens)


class Writing(Ask):
    def __init__(self, surface: Surface, origin: Origin, actor: Actor) -> None:
        super().__init__(surface, origin, actor)
        self.key = convention.idempotency_key(origin.headers)
        self.expected_version = convention.if_match(origin.headers) if "if-match" in origin.headers else None

    def writing(self, status: int = 200, location: str = "") -> Call:
        """For use cases that write. `status` and `location` are stored with the events: a repeated call gets them."""
        return self._call(self._command(status, location), self.expected_version)

    def replay(self) -> Receipt | None:
        """What this Idempotency-Key was answered before; None without a key. Raises IdempotencyKeyReused."""
        return None if self.key is None else self.runtime.ledger.replay(self.writing())

    def _command(self, status: int, location: str) -> Command:
        if self.key is None:
            return Command(id=self.origin.request_id, status=status, location=location)
        mac = self.runtime.sealer.mac
        named = mac("idempotency-key", self.actor.id.bytes, self.key.encode())
        return Command(
            id=UUID(bytes=named[:16]),
            fingerprint=mac(
                "request",
                self.origin.method.encode(),
                self.origin.target.encode(),
                self.origin.headers.get("if-match", "").encode(),
                self.origin.body,
            ),
            status=status,
            location=location,
        )


class Editing(Writing):
    def __init__(self, surface: Surface, origin: Origin, actor: Actor) -> None:
        # Demanded, where Writing only takes it.
        convention.if_match(origin.headers)
        super().__init__(surface, origin, actor)


# The functions below are never called: FastAPI reads the parameters that the OpenAPI document names from them.


def _bearer(
    token: Annotated[object, Security(_ACCESS_TOKEN)] = None,
    purpose: Annotated[
        Purpose | None,
        Header(
            alias="Purpose",
            description="Why the record is used; left out, what an account of this role is for. Stands in the audit.",
        ),
    ] = None,
) -> None:
    del token, purpose


def _reading(
    token: Annotated[None, Depends(_bearer)],
    read_after: Annotated[
        int,
        Header(
            alias="Read-After",
            ge=0,
            le=10**18 - 1,
            description="A position that a write answered: the read waits until it has seen that write.",
        ),
    ] = 0,
) -> None:
    del token, read_after


def _writing(
    token: Annotated[None, Depends(_bearer)],
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            pattern=r"^[\x21-\x7e]+$",
            description="Makes the call repeatable: the same key and request again change nothing and are answered alike.",
        ),
    ] = None,
) -> None:
    del token, idempotency_key


def _editing(
    writing: Annotated[None, Depends(_writing)],
    if_match: Annotated[
        str,
        Header(
            alias="If-Match",
            pattern=r'^"(0|[1-9][0-9]{0,8})(\.[1-9][0-9]{0,5})?"$',
            description="The ETag that the version to be changed was read with.",
        ),
    ],
) -> None:
    del writing, if_match


def _placing(
    writing: Annotated[None, Depends(_writing)],
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            pattern=r'^"(0|[1-9][0-9]{0,8})(\.[1-9][0-9]{0,5})?"$',
            description="Left out to write the first; the ETag of the version to be written over otherwise.",
        ),
    ] = None,
) -> None:
    del writing, if_match


def _open() -> None:
    pass


Opened = Annotated[Open, Depends(_open)]
Reader = Annotated[Reading, Depends(_reading)]
Writer = Annotated[Writing, Depends(_writing)]
Editor = Annotated[Editing, Depends(_editing)]
Placer = Annotated[Writing, Depends(_placing)]
"""For PUT of what there is one of: `expected_version` None makes the first, a version writes over it."""
