"""Access tokens: JSON Web Tokens (RFC 9068's shape) with HMAC-SHA-256 under the organisation's token key."""

from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from adapters.keys.caches import BoundedCache
from domain.errors import Erased, KeyMissing, SealBroken, Unauthenticated
from domain.ports.call import Actor, Role, Scope
from domain.ports.identity import Claims
from domain.ports.keys import RecordClass

ALGORITHM: Final = "HS256"
MAX_TOKEN_CHARS: Final = 4096
_LABEL: Final = "access-token"
_TYPE: Final = "at+jwt"


class TokenKeys(Protocol):
    """The part of the key ring this needs."""

    def key_id(self, owner: UUID | None, record_class: RecordClass) -> UUID: ...

    def derive(self, key_id: UUID, label: str) -> bytes: ...


class JoseTokenSigner:
    """Satisfies domain.ports.identity.TokenSigner.

    `log` is the log id: a token of another deployment, or from before a restore, is refused. Tokens that verified once
    are remembered by their digest until they expire; whether the sign-in still stands is not this one's question.
    """

    def __init__(self, keys: TokenKeys, log: bytes, *, remembered: int = 10_000) -> None:
        self._keys = keys
        self._issuer = log.decode("ascii")
        self._verified: BoundedCache[bytes, Claims] = BoundedCache(remembered)

    def issue(self, actor: Actor, expires_at_us: int) -> str:
        """Expiry is cut to whole seconds (RFC 7519 §2, NumericDate)."""
        if actor.sign_in_id is None:
            raise ValueError("a token belongs to a sign-in")
        key_id = self._keys.key_id(None, RecordClass.TOKEN)
        claims = {
            "iss": self._issuer,
            "sub": actor.id.hex,
            "sid": actor.sign_in_id.hex,
            "role": actor.role.value,
            "exp": expires_at_us // 1_000_000,
        }
        if actor.client_id is not None:
            claims["client"] = actor.client_id.hex
        if actor.supervisor_id is not None:
            claims["supervisor"] = actor.supervisor_id.hex
        if actor.scopes:
            claims["scope"] = " ".join(sorted(actor.scopes))  # RFC 9068 §2.2.3
        header = {"alg": ALGORITHM, "typ": _TYPE, "kid": key_id.hex}
        return jwt.encode(header, claims, self._key(key_id), algorithms=[ALGORITHM])

    def verify(self, token: str, now_us: int) -> Claims:
        try:
            digest = sha256(token.encode("ascii")).digest()
        except UnicodeEncodeError as exc:
            raise Unauthenticated from exc
        claims = self._verified.get(digest)
        if claims is None:
            claims = self._verify(token)
            if claims.expires_at_us > now_us:
                self._verified.put(digest, claims)
        if claims.expires_at_us <= now_us:
            raise Unauthenticated("The access token has expired.")
        return claims

    def _verify(self, token: str) -> Claims:
        if len(token) > MAX_TOKEN_CHARS:
            raise Unauthenticated
        try:
            decoded = jwt.decode(token, lambda signed: self._key_named(signed.headers()), algorithms=[ALGORITHM])
            if decoded.header.get("typ") != _TYPE or decoded.claims["iss"] != self._issuer:
                raise Unauthenticated
            return _claims(decoded.claims)
        except (JoseError, SealBroken, KeyMissing, Erased, ValueError, TypeError, KeyError, AttributeError) as exc:
            raise Unauthenticated from exc

    def _key_named(self, header: dict[str, Any]) -> OctKey:
        return self._key(UUID(hex=header["kid"]))

    def _key(self, key_id: UUID) -> OctKey:
        return OctKey.import_key(self._keys.derive(key_id, _LABEL))


def _claims(claims: dict[str, Any]) -> Claims:
    return Claims(
        actor=Actor(
            id=UUID(hex=claims["sub"]),
            role=Role(claims["role"]),
            sign_in_id=UUID(hex=claims["sid"]),
            client_id=UUID(hex=claims["client"]) if "client" in claims else None,
            supervisor_id=UUID(hex=claims["supervisor"]) if "supervisor" in claims else None,
            scopes=frozenset(map(Scope, claims.get("scope", "").split())),
        ),
        expires_at_us=int(claims["exp"]) * 1_000_000,
    )
