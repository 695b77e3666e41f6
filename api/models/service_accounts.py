"""Service accounts, their secrets and tokens as they are sent and answered."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from api.models.common import In, Label, Out, example
from domain.ports.call import Scope
from domain.services.service_accounts import InvalidScope

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

    model_config = example(
        {"id": "01950f2e-6d3a-7001-8f00-00000000000b", "client_id": _SERVICE, "client_secret": _SECRET}
    )


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
    """`expires_in` in seconds."""

    access_token: str
    token_type: str
    expires_in: int
    scope: str

    model_config = example(
        {
            "access_token": "eyJhbGciOiJIUzI1NiJ9.sample.only",
            "token_type": "Bearer",
            "expires_in": 300,
            "scope": "changes:read",
        }
    )
