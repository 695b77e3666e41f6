"""Passwords, tokens and secrets as sign-in sees them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from domain.errors import NotFound, Unauthenticated, Unavailable
from domain.ports.call import Actor


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What an access token vouches for. Times in microseconds since 1970, UTC."""

    actor: Actor
    expires_at_us: int


class PasswordHasher(Protocol):
    def hash(self, password: str) -> str:
        """A salted, slow hash with its parameters in the text (argon2id)."""

    def verify(self, password_hash: str, password: str) -> bool:
        """False for a wrong password, and for a hash that can't be read. Takes the same time for any password."""

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""


class TokenSigner(Protocol):
    def issue(self, actor: Actor, expires_at_us: int) -> str:
        """A signed access token. `actor.sign_in_id` must be set. Raises KeysUnavailable."""

    def verify(self, token: str, now_us: int) -> Claims:
        """Raises Unauthenticated when it is malformed, signed by another key or expired; KeysUnavailable."""


class SecretSource(Protocol):
    def secret(self) -> bytes:
        """32 random bytes from the operating system."""


class SecondFactorCodes(Protocol):
    """Codes that an authenticator shows: six digits that change every 30 seconds (TOTP, RFC 6238)."""

    def step(self, secret: bytes, code: str, at: datetime) -> int | None:
        """The time step that the code belongs to, within one step of `at` either way; None for a wrong one. Takes the
        same time for any code.
        """

    def uri(self, secret: bytes, login: str) -> str:
        """What an authenticator reads as a picture: otpauth://totp/…, with the secret in it."""


class BreachedPasswords(Protocol):
    def holds(self, password: str) -> bool:
        """Whether it is among those known to be stolen. Raises BreachedListUnreadable: unchecked is not accepted."""


class BreachedListUnreadable(Unavailable):
    code = "breached_list_unreadable"
    message = "The list of breached passwords can't be read, or is not a sorted list of SHA-1 digests."
    hint = (
        "ANAMNESIS_BREACHED_PASSWORDS names a file of sorted lines, each 40 hexadecimal digits, with or without :COUNT."
    )


class ProviderUnavailable(Unavailable):
    code = "provider_unavailable"
    message = "The OpenID provider does not answer as it should."
    hint = "Try again shortly, or sign in with a password."


class ProviderRefused(Unauthenticated):
    """Whatever is wrong with what came back: a code that was used, a token for somebody else, a signature of nobody's."""

    code = "provider_refused"
    message = "What the OpenID provider sent does not vouch for this sign-in."
    hint = "Begin the sign-in again."


class ProviderMissing(NotFound):
    code = "provider_missing"
    message = "No OpenID provider is set up here."
    hint = "Sign in with a password."


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """Whom a provider vouches for, and how it made sure. `methods` are values of RFC 8176, such as `mfa`."""

    issuer: str
    subject: str = field(repr=False)
    email: str = field(default="", repr=False)
    email_verified: bool = False
    methods: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """One way to the provider and back. The secrets bind what comes back to who set out."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


class IdentityProvider(Protocol):
    """One OpenID provider, by its authorization code flow with PKCE."""

    @property
    def issuer(self) -> str: ...

    def address(self, started: Started) -> str:
        """Where the browser goes. Raises ProviderUnavailable."""

    def vouched(self, started: Started, code: str, at: datetime) -> Vouched:
        """Exchange the code that came back. Raises ProviderRefused, ProviderUnavailable."""
