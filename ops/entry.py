"""How people come in, as the settings have it: time-outs, second factors, a provider."""

from collections.abc import Mapping, Sequence
from typing import Final

from domain.errors import Misconfigured
from domain.ports.call import Role
from domain.ports.identity import IdentityProvider
from domain.services.door import SignInPolicy
from ops.settings import Settings

STAFF: Final = frozenset(Role) - {Role.CLIENT, Role.SERVICE}


class ProviderIncomplete(Misconfigured):
    code = "provider_incomplete"
    message = "An OpenID provider needs an issuer, a client id and an address to come back to."
    hint = "Set ANAMNESIS_OIDC_ISSUER, ANAMNESIS_OIDC_CLIENT_ID and ANAMNESIS_OIDC_REDIRECT_URI, or none of them."


class ClientSecretUnreadable(Misconfigured):
    code = "client_secret_unreadable"
    message = "The file with the OpenID provider's client secret can't be read."
    hint = "ANAMNESIS_OIDC_CLIENT_SECRET_FILE names a text file that holds the secret and nothing else."


def sign_in_policy(settings: Settings) -> SignInPolicy:
    return SignInPolicy(
        idle_timeout_s=settings.idle_min * 60,
        absolute_timeout_s=settings.sign_in_hours * 3600,
        idle_timeout_s_of=_by_role(settings.idle_min_of, 60),
        absolute_timeout_s_of=_by_role(settings.sign_in_hours_of, 3600),
        second_factor_roles=second_factor_roles(settings),
    )


def second_factor_roles(settings: Settings) -> frozenset[Role]:
    """Who does not get in without a second factor: said, or everybody who works here in production."""
    named = settings.second_factor_roles or (("staff",) if settings.mode == "production" else ("none",))
    if named == ("staff",):
        return STAFF
    return frozenset() if named == ("none",) else frozenset(map(Role, named))


def provider_of(settings: Settings) -> IdentityProvider | None:
    """Raises ProviderIncomplete, ClientSecretUnreadable."""
    needed = (settings.oidc_issuer, settings.oidc_client_id, settings.oidc_redirect_uri)
    if not any(needed):
        return None
    if settings.oidc_issuer is None or not all(needed):
        raise ProviderIncomplete
    from adapters.identity.oidc import OidcProvider  # noqa: PLC0415 - an HTTP client and TLS roots: only where they are used

    return OidcProvider(
        issuer=settings.oidc_issuer,
        client_id=settings.oidc_client_id,
        client_secret=_client_secret(settings),
        redirect_uri=settings.oidc_redirect_uri,
        scopes=settings.oidc_scopes,
    )


def _client_secret(settings: Settings) -> str:
    if settings.oidc_client_secret_file is None:
        return ""
    try:
        return settings.oidc_client_secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise ClientSecretUnreadable(reason=type(exc).__name__) from None


def _by_role(pairs: Sequence[str], seconds: int) -> Mapping[Role, int]:
    """Of texts such as `operator=5`."""
    return {Role(role): int(amount) * seconds for role, _, amount in (pair.partition("=") for pair in pairs)}
