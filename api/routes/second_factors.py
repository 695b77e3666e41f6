"""One's own second factor, and what operators do when somebody's is lost."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import told, written
from api.asks import Editor, Reader, Writer
from api.declare import answers, changes
from api.dispatch import Operation
from api.models.entry import CodeIn, EnrolIn, EnrolmentOut, RecoveryCodesOut, RemoveFactorIn, RenewCodesIn
from api.routes.sign_ins import enrolment_as_json
from domain.errors import Invalid, StaleVersion
from domain.model.account import AccountDisabled, AccountNotFound
from domain.model.checks import TextNotAllowed
from domain.model.second_factor import NoSecondFactor, NothingToConfirm, SecondFactorActive
from domain.services.access import Action, RoleNotPermitted
from domain.services.accounts import WrongPassword
from domain.services.second_factors import NotOnesOwn, RecoveryCodes, WrongCode

router = APIRouter(prefix="/v1", tags=["Accounts"], route_class=Operation)


@router.post(
    "/me/second-factor",
    **answers(
        "Set up a second factor",
        EnrolmentOut,
        RoleNotPermitted,
        WrongPassword,
        SecondFactorActive,
        AccountDisabled,
        Invalid,
        TextNotAllowed,
        StaleVersion,
        status=201,
        action=Action.ACCOUNT_ENROL_SECOND_FACTOR,
    ),
)
def enrol(body: EnrolIn, ask: Reader) -> Response:
    """A secret for an authenticator (TOTP). Nothing changes until a code of it is sent to the confirmation. An
    Idempotency-Key is not taken here: secrets are never remembered.
    """
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    with ask.gate.hashing():
        enrolment = ask.services.second_factors.enrol(ask.call(), body.password)
    return told(enrolment_as_json(enrolment), 201)


@router.post(
    "/me/second-factor/confirmation",
    **answers(
        "Confirm the second factor",
        RecoveryCodesOut,
        RoleNotPermitted,
        WrongCode,
        NothingToConfirm,
        StaleVersion,
        action=Action.ACCOUNT_ENROL_SECOND_FACTOR,
    ),
)
def confirm(body: CodeIn, ask: Reader) -> Response:
    """From now on every sign-in asks for a code, and the account's other sign-ins end. The recovery codes are answered this
    once.
    """
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    return _codes(ask.services.second_factors.confirm(ask.call(), body.code))


@router.post(
    "/me/second-factor/recovery-codes",
    **answers(
        "Make new recovery codes",
        RecoveryCodesOut,
        RoleNotPermitted,
        WrongPassword,
        WrongCode,
        NoSecondFactor,
        Invalid,
        TextNotAllowed,
        StaleVersion,
        action=Action.ACCOUNT_ENROL_SECOND_FACTOR,
    ),
)
def renew_recovery_codes(body: RenewCodesIn, ask: Reader) -> Response:
    """Ten new ones, answered this once; those of before are worth nothing from now on."""
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    with ask.gate.hashing():
        renewed = ask.services.second_factors.renew_recovery_codes(ask.call(), body.password, body.code)
    return _codes(renewed)


@router.post(
    "/me/second-factor/removal",
    **changes(
        "Remove the second factor",
        RoleNotPermitted,
        WrongPassword,
        WrongCode,
        NoSecondFactor,
        Invalid,
        TextNotAllowed,
        action=Action.ACCOUNT_REMOVE_SECOND_FACTOR,
    ),
)
def remove(body: RemoveFactorIn, ask: Writer) -> Response:
    """With the password and a code. The account's other sign-ins end. Where the role needs a second factor, the next
    sign-in asks to set up a new one.
    """
    ask.gate.limit(ask.runtime.policy.password_limit, str(ask.actor.id))
    if (body.code is None) is (body.recovery_code is None):
        raise Invalid("Send either code or recovery_code.", field="code")
    with ask.gate.hashing():
        receipt = ask.services.second_factors.remove(
            ask.writing(), body.password, code=body.code or "", recovery_code=body.recovery_code or ""
        )
    return written(receipt)


@router.post(
    "/accounts/{account_id}/second-factor/reset",
    **changes(
        "Reset somebody's second factor",
        RoleNotPermitted,
        AccountNotFound,
        NoSecondFactor,
        NotOnesOwn,
        action=Action.ACCOUNT_RESET_SECOND_FACTOR,
    ),
)
def reset(account_id: UUID, ask: Editor) -> Response:
    """For operators, when telephone and recovery codes are gone; make sure first that it is them who ask. Every sign-in of
    the account ends, and the password alone opens the next one.
    """
    return written(ask.services.second_factors.reset(ask.writing(), account_id))


def _codes(made: RecoveryCodes) -> Response:
    document: dict[str, Any] = {"recovery_codes": list(made.codes)}
    return told(document, 200)
