"""Sign-ins, second factors and linked identities as they are sent and answered. Secrets are answered once and kept nowhere."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from api.models.accounts import Password
from api.models.common import In, Line, Out, Rfc3339, example
from domain.model.sign_in import SignInMethod

_ID: Final = "01950f2a-77aa-7b10-9a52-6a4f5f0f3d10"
_CHALLENGE: Final = "AQxk3Zb0sample-only-sealed"
_CODES: Final = ["0f3k-9wq2-xh7m-4c1z", "8rtb-2n6y-s5vd-p0ea"]
_STATE: Final = "c2FtcGxlLW9ubHktc2FtcGxlLW9ubHktc2FtcGxlLW8"
ChallengeText = Annotated[str, Field(min_length=8, max_length=4096, description="As the first step answered it.")]
Code = Annotated[
    str, Field(min_length=6, max_length=12, description="Six digits that an authenticator shows; spaces do not matter.")
]
RecoveryCode = Annotated[
    str, Field(min_length=16, max_length=40, description="One of those that were shown once; good once.")
]


class ChallengeOut(Out):
    """The password was right, and something is still to be shown at `/v1/sign-ins/second-factor`: for `second_factor` a
    code; for `enrolment` a code of the secret that `/v1/sign-ins/enrolment` answers.
    """

    challenge: str
    next: Literal["second_factor", "enrolment"]
    expires_at: Rfc3339

    model_config = example({"challenge": _CHALLENGE, "next": "second_factor", "expires_at": "2026-03-02T09:05:00Z"})


class ChallengeIn(In):
    challenge: ChallengeText

    model_config = example({"challenge": _CHALLENGE})


class SecondFactorIn(In):
    """Either `code` or `recovery_code`."""

    challenge: ChallengeText
    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    model_config = example({"challenge": _CHALLENGE, "code": "492039", "recovery_code": None})


class EnrolIn(In):
    """The present password, so that a screen left open is not enough."""

    password: Password

    model_config = example({"password": "a sentence of your own"})


class EnrolmentOut(Out):
    """Enter `secret` into an authenticator, or show it `uri` as a QR code. Nothing changes until a code confirms it."""

    secret: str
    uri: str

    model_config = example(
        {
            "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
            "uri": "otpauth://totp/Anamnesis:m.brandt%40practice.example?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        }
    )


class CodeIn(In):
    code: Code

    model_config = example({"code": "492039"})


class RecoveryCodesOut(Out):
    """Ten codes for when the telephone is gone, each good once. Print them now: they are not shown again."""

    recovery_codes: tuple[str, ...]

    model_config = example({"recovery_codes": _CODES})


class RenewCodesIn(In):
    password: Password
    code: Code

    model_config = example({"password": "a sentence of your own", "code": "492039"})


class RemoveFactorIn(In):
    """The password, and either `code` or `recovery_code`."""

    password: Password
    code: Code | None = None
    recovery_code: RecoveryCode | None = None

    model_config = example({"password": "a sentence of your own", "code": "492039", "recovery_code": None})


class OpenSignInOut(Out):
    """`origin` is the network it was opened from. `last_used_at` is at most five minutes before its last request."""

    id: UUID
    opened_at: Rfc3339
    last_used_at: Rfc3339
    expires_at: Rfc3339
    method: SignInMethod
    origin: str
    current: bool

    model_config = example(
        {
            "id": _ID,
            "opened_at": "2026-03-02T09:00:00Z",
            "last_used_at": "2026-03-02T09:10:00Z",
            "expires_at": "2026-03-02T21:00:00Z",
            "method": "password_and_code",
            "origin": "192.0.2.0/24",
            "current": True,
        }
    )


class OpenSignInsOut(Out):
    """The last used first, a hundred at most."""

    items: tuple[OpenSignInOut, ...]

    model_config = example({"items": []})


class WayOut(Out):
    """Send the browser to `address`, and keep `transaction` where only this browser has it until it comes back."""

    address: str
    transaction: str
    expires_at: Rfc3339

    model_config = example(
        {
            "address": "https://id.practice.example/authorize?response_type=code&client_id=anamnesis",
            "transaction": _CHALLENGE,
            "expires_at": "2026-03-02T09:10:00Z",
        }
    )


class BackIn(In):
    """`state` and `code` as the provider sent them back in the address, `transaction` as it was kept."""

    transaction: ChallengeText
    state: Annotated[str, Field(min_length=1, max_length=512)]
    code: Annotated[str, Field(min_length=1, max_length=2048)]

    model_config = example({"transaction": _CHALLENGE, "state": _STATE, "code": "SplxlOBeZQQYbYS6WxSbIA"})


class LinkedIdentityIn(In):
    """Whom the provider means: its `iss` and `sub`, as it writes them."""

    issuer: Annotated[Line, Field(min_length=1)]
    subject: Annotated[str, Field(min_length=1, max_length=255, pattern="^[\\x20-\\x7e]*$")]

    model_config = example({"issuer": "https://id.practice.example", "subject": "24400320"})


class LinkedIdentityOut(Out):
    id: UUID
    issuer: str
    subject: str
    linked_at: Rfc3339

    model_config = example(
        {
            "id": _ID,
            "issuer": "https://id.practice.example",
            "subject": "24400320",
            "linked_at": "2026-01-07T08:00:00Z",
        }
    )


class LinkedIdentitiesOut(Out):
    items: tuple[LinkedIdentityOut, ...]

    model_config = example({"items": []})
