"""Service accounts, their secrets and tokens as they are sent and answered."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from api.models.common import In, Label, Out, Rfc3339, example
from domain.ports.call import Scope
from domain.services.service_accounts import OVERLAP_HOURS, OVERLAP_MOST_HOURS, InvalidScope

_SERVICE: Final = "7d0f8f0a-3a39-4d0e-8a0d-5a1b0f7e6c44"
_SECRET: Final = "anamnesis_c2FtcGxlLW9ubHktc2FtcGxlLW9ubHktc2FtcGxlLTE"  # noqa: S105 - a sample


class ServiceAccountIn(In):
    """`scopes` say what it may be used for, for good: another use is another account."""

    display_name: Label
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1, max_length=len(Scope))]

    model_config = example({"display_name": "Practice platform", "scopes": ["changes:read", "journey:read"]})


class SecretOut(Out):
    """Keep `client_secret` now: it is not shown again."""

    id: UUID
    client_id: UUID
    client_secret: str
    expires_at: Rfc3339

    model_config = example(
        {
            "id": "01950f2e-6d3a-7001-8f00-00000000000b",
            "client_id": _SERVICE,
            "client_secret": _SECRET,
            "expires_at": "2027-01-07T08:00:00Z",
        }
    )


class RotationIn(In):
    """How long the secret before stays good, so that the program can change over."""

    overlap_hours: Annotated[int, Field(ge=0, le=OVERLAP_MOST_HOURS)] = OVERLAP_HOURS

    model_config = example({"overlap_hours": 24})


class TokenForm(BaseModel):
    """RFC 6749 §4.4.2. The client is named here or by HTTP Basic."""

    grant_type: Literal["client_credentials"]
    client_id: str | None = None
    client_secret: str | None = None
    scope: str | None = None

    model_config = example({"grant_type": "client_credentials", "client_id": _SERVICE, "client_secret": _SECRET})


class TokenIn(In):
    """`client_id` is the id of the service account. `scope` asks for fewer scopes than it has, separated by spaces."""

    grant_type: Literal["client_credentials"]
    client_id: UUID
    client_secret: Annotated[str, Field(min_length=1, max_length=200, json_schema_extra={"format": "password"})]
    scope: Annotated[str, Field(max_length=500)] | None = None

    model_config = example(
        {
            "grant_type": "client_credentials",
            "client_id": _SERVICE,
            "client_secret": _SECRET,
            "scope": "changes:read",
        }
    )

    def scopes(self) -> tuple[Scope, ...] | None:
        """Raises InvalidScope for one that there is not."""
        if self.scope is None:
            return None
        try:
            return tuple(map(Scope, self.scope.split()))
        except ValueError:
            raise InvalidScope(field="scope") from None


class TokenOut(Out):
    """`expires_in` in seconds. `secret_expires_at` is when the secret that was used ends, null where it does not."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str
    secret_expires_at: Rfc3339 | None

    model_config = example(
        {
            "access_token": "eyJhbGciOiJIUzI1NiJ9.sample.only",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "changes:read",
            "secret_expires_at": "2027-01-07T08:00:00Z",
        }
    )
