"""Passwords, tokens and secrets as sign-in sees them."""

from dataclasses import dataclass
from typing import Protocol

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
