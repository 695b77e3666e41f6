"""Clients: opening a chart, who they are, who cares for them, what they consented to."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found, written
from api.asks import Editor, Reader, Writer
from api.declare import changes, creates, reads
from api.dispatch import Operation
from api.models.clients import (
    CaseloadOut,
    ClientOut,
    ConsentIn,
    IdentityIn,
    IdentityOut,
    LookupIn,
    LookupOut,
    RepresentativeIn,
    TeamMemberIn,
)
from api.models.common import ReasonIn
from domain.errors import Erased, Invalid, ViewBehind
from domain.model.account import AccountDisabled, AccountNotFound
from domain.model.checks import ImpossibleTime, OutOfRange, TextNotAllowed
from domain.model.client import (
    AlreadyInCareTeam,
    ClientEnteredInError,
    ClientNotFound,
    ConsentAlreadyWithdrawn,
    ConsentNotFound,
    LastPrimaryClinician,
    NotInCareTeam,
)
from domain.model.identity import IdentityUnchanged
from domain.model.moment import UnknownZone
from domain.ports.views import CaseloadItem
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted
from domain.services.rendering import client_as_json, identity_as_json, instant_as_json

router = APIRouter(prefix="/v1/clients", tags=["Clients"], route_class=Operation)

_THERE = (ClientNotFound, Erased, RoleNotPermitted, OutsideCareTeam, RelationNotPermitted)
_IDENTITY = (Invalid, TextNotAllowed, OutOfRange, UnknownZone)


@router.post("", **creates("Register a client", RoleNotPermitted, *_IDENTITY, action=Action.CLIENT_REGISTER))
def register_client(body: IdentityIn, ask: Writer) -> Response:
    """Open a chart under a random id that says nothing of the person. The caller becomes the primary clinician. Look the
    client up first, so that nobody has two charts.
    """
    client_id = ask.runtime.ids.opaque()
    location = f"/v1/clients/{client_id}"
    receipt = ask.services.clients.register(ask.writing(201, location), client_id, body.content())
    return written(receipt, location=location)


@router.get(
    "", **reads("List one's caseload", CaseloadOut, RoleNotPermitted, ViewBehind, action=Action.CLIENT_CASELOAD)
)
def read_caseload(ask: Reader) -> Response:
    """The clients whose care team the caller is in, in the order they joined."""
    items = ask.services.clients.caseload(ask.call(), ask.at_least)
    return found({"items": [_item_as_json(item) for item in items]})


@router.post(
    "/lookup",
    **reads("Look a client up", LookupOut, RoleNotPermitted, Invalid, TextNotAllowed, action=Action.CLIENT_FIND),
)
def look_client_up(body: LookupIn, ask: Reader) -> Response:
    """Exact, over the whole organisation: the normalised family name and the birth date as registered. Answers ids, and
    nothing of the person. Limited to a number an account and minute, and on record. Go on with a chart whose status is
    active; one entered in error takes nothing new.
    """
    ask.gate.limit(ask.runtime.policy.lookup_limit, str(ask.actor.id))
    hits = ask.services.clients.find(ask.call(), body.family_name, body.birth_date)
    return found({"items": [asdict(hit) for hit in hits]})


@router.get("/{client_id}", **reads("Read a chart", ClientOut, *_THERE, versioned=True, action=Action.CLIENT_READ))
def read_client(client_id: UUID, ask: Reader) -> Response:
    """Care team, consents, status. Who the client is stands apart, at `/identity`."""
    client = ask.services.clients.read(ask.call(), client_id)
    return found(client_as_json(client), version=client.version)


@router.get(
    "/{client_id}/identity",
    **reads("Read who a client is", IdentityOut, *_THERE, versioned=True, action=Action.IDENTITY_READ),
)
def read_identity(client_id: UUID, ask: Reader) -> Response:
    """Names, birth date, contacts, representative. Its ETag is its own, not the chart's."""
    identity = ask.services.clients.identity(ask.call(), client_id)
    return found(identity_as_json(identity), version=identity.version)


@router.put(
    "/{client_id}/identity",
    **changes(
        "Correct who a client is",
        *_THERE,
        *_IDENTITY,
        IdentityUnchanged,
        ClientEnteredInError,
        action=Action.IDENTITY_CORRECT,
    ),
)
def correct_identity(client_id: UUID, body: IdentityIn, ask: Editor) -> Response:
    """The whole identity as it should read. What it read before stays in the log."""
    return written(ask.services.clients.correct_identity(ask.writing(), client_id, body.content()))


@router.put(
    "/{client_id}/care-team/{account_id}",
    **changes(
        "Let an account join the care team",
        *_THERE,
        Invalid,
        AccountNotFound,
        AccountDisabled,
        AlreadyInCareTeam,
        LastPrimaryClinician,
        ClientEnteredInError,
        action=Action.CLIENT_JOIN_CARE_TEAM,
    ),
)
def join_care_team(client_id: UUID, account_id: UUID, body: TeamMemberIn, ask: Writer) -> Response:
    """Or change how a member stands to the client. By who leads the treatment, or by an operator who hands a chart over:
    that is alerted, and reviewed like broken glass. Representatives are let in at `/representatives`.
    """
    return written(ask.services.clients.join_care_team(ask.writing(), client_id, account_id, body.value()))


@router.delete(
    "/{client_id}/care-team/{account_id}",
    **changes(
        "Take an account out of the care team",
        *_THERE,
        NotInCareTeam,
        LastPrimaryClinician,
        action=(Action.CLIENT_LEAVE_CARE_TEAM, Action.CLIENT_STEP_DOWN),
    ),
)
def leave_care_team(client_id: UUID, account_id: UUID, ask: Writer) -> Response:
    """Its access ends at once; its own unsigned sessions stay its to finish."""
    return written(ask.services.clients.leave_care_team(ask.writing(), client_id, account_id))


@router.put(
    "/{client_id}/representatives/{account_id}",
    **changes(
        "Let a representative in",
        *_THERE,
        Invalid,
        ImpossibleTime,
        AccountNotFound,
        AccountDisabled,
        AlreadyInCareTeam,
        ClientEnteredInError,
        action=Action.CLIENT_LET_REPRESENTATIVE_IN,
    ),
)
def let_representative_in(client_id: UUID, account_id: UUID, body: RepresentativeIn, ask: Writer) -> Response:
    """An account of role client that stands for this client until a day: it sees what the client has a right to see, under
    the purpose client_request. By who leads the treatment, or by compliance; again, to change the right or the day.
    """
    return written(
        ask.services.clients.let_representative_in(ask.writing(), client_id, account_id, body.authority, body.ends())
    )


@router.delete(
    "/{client_id}/representatives/{account_id}",
    **changes("End a representation", *_THERE, NotInCareTeam, action=Action.CLIENT_END_REPRESENTATION),
)
def end_representation(client_id: UUID, account_id: UUID, ask: Writer) -> Response:
    """Before its day; access ends at once."""
    return written(ask.services.clients.end_representation(ask.writing(), client_id, account_id))


@router.post(
    "/{client_id}/consents",
    **changes(
        "Record a consent",
        *_THERE,
        ImpossibleTime,
        TextNotAllowed,
        ClientEnteredInError,
        action=Action.CLIENT_GIVE_CONSENT,
    ),
)
def give_consent(client_id: UUID, body: ConsentIn, ask: Writer) -> Response:
    """What the client agreed to, for which purpose, on which signed form. The chart lists it with its id."""
    consent_id = ask.runtime.ids.opaque()
    return written(
        ask.services.clients.give_consent(
            ask.writing(), client_id, consent_id, body.purpose, body.document, body.given()
        )
    )


@router.post(
    "/{client_id}/consents/{consent_id}/withdrawn",
    **changes(
        "Withdraw a consent", *_THERE, ConsentNotFound, ConsentAlreadyWithdrawn, action=Action.CLIENT_WITHDRAW_CONSENT
    ),
)
def withdraw_consent(client_id: UUID, consent_id: UUID, ask: Writer) -> Response:
    """Holds from now; what was done under it before stays lawful."""
    return written(ask.services.clients.withdraw_consent(ask.writing(), client_id, consent_id))


@router.post(
    "/{client_id}/entered-in-error",
    **changes(
        "Mark a chart as entered in error",
        *_THERE,
        TextNotAllowed,
        ClientEnteredInError,
        action=Action.CLIENT_MARK_ENTERED_IN_ERROR,
    ),
)
def mark_client_entered_in_error(client_id: UUID, body: ReasonIn, ask: Editor) -> Response:
    """A chart opened twice or for the wrong person: it stays readable and takes nothing new, be it an entry, an amendment,
    an addendum, a plan, a consent, a member of the team or a correction of who the client is. What stands in it can still
    be signed, co-signed or returned, called off, told how it went, or marked as entered in error; consents can be
    withdrawn, and the team left.
    """
    return written(ask.services.clients.mark_entered_in_error(ask.writing(), client_id, body.reason))


def _item_as_json(item: CaseloadItem) -> dict[str, Any]:
    return {
        "client_id": item.client_id,
        "name": item.name,
        "birth_date": item.birth_date,
        "status": item.status,
        "last_session_at": instant_as_json(item.last_session_at),
        "next_appointment_at": instant_as_json(item.next_appointment_at),
        "sessions": item.sessions,
        "unsigned_sessions": item.unsigned_sessions,
    }
