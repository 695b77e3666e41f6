"""An OpenID provider as a client sees it: discovery, the authorization code flow with PKCE, ID tokens and their keys.

OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636 (PKCE). Calls go to the issuer's own origin and nowhere else, follow
no redirect and no proxy, and are bounded in time and size.
"""

import threading
import time
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256, sha512
from hmac import compare_digest
from typing import Any, Final, NoReturn, TypeGuard
from urllib.parse import quote, urlencode, urlsplit

import httpx
import orjson
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.discovery import OpenIDProviderMetadata, get_well_known_url
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

from domain.ports.identity import ProviderRefused, ProviderUnavailable, Started, Vouched

ALGORITHMS: Final[Mapping[str, type]] = {"RS256": RSAKey, "PS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
"""Signatures that are believed, each with keys of its own kind. Never `none`, never a shared secret."""
_ED25519: Final = "EdDSA"
_HASHES: Final = {"RS256": sha256, "PS256": sha256, "ES256": sha256, "EdDSA": sha512}
_RSA_BITS: Final = 2048
_ANSWER_MOST: Final = 256 * 1024
_TOTAL_S: Final = 8.0
_KEPT_S: Final = 3600.0
"""How long what was discovered is believed: a key that the provider withdrew is good no longer than that."""
_AGAIN_S: Final = 30.0
"""How often an unknown key may make us ask again: strangers must not make us call the provider at will."""
_SKEW_S: Final = 60
_OLD_S: Final = 600
_BAD_CODE: Final = (400, 403)


@dataclass(frozen=True, slots=True)
class _Discovered:
    authorization: str
    token: str
    keys: str
    secret_in_body: bool
    until: float


class OidcProvider:
    """Satisfies domain.ports.identity.IdentityProvider. May be shared by threads; calls nobody before it is used."""

    def __init__(  # noqa: PLR0913 - one argument a setting
        self,
        *,
        issuer: str,
        client_id: str,
        client_secret: str,
        redirect_uri: str,
        scopes: str = "openid email",
        total_s: float = _TOTAL_S,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._redirect_uri = redirect_uri
        self._scopes = scopes
        self._total_s = total_s
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._discovered: _Discovered | None = None
        self._keys: KeySet | None = None
        self._keys_at = 0.0

    @property
    def issuer(self) -> str:
        return self._issuer

    def address(self, started: Started) -> str:
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "scope": self._scopes,
            "state": started.state,
            "nonce": started.nonce,
            "code_challenge": create_s256_code_challenge(started.verifier),
            "code_challenge_method": "S256",
        }
        endpoint = self._discover().authorization
        return f"{endpoint}{'&' if urlsplit(endpoint).query else '?'}{urlencode(query)}"

    def vouched(self, started: Started, code: str, at: datetime) -> Vouched:
        answer = self._exchange(started, code)
        token = answer.get("id_token")
        if not isinstance(token, str):
            _refuse("id_token_missing")
        algorithm, claims = self._verified(token)
        self._check(claims, started.nonce, int(at.timestamp()))
        _check_access_token(claims, answer.get("access_token"), algorithm)
        return _vouched(claims)

    def _exchange(self, started: Started, code: str) -> dict[str, Any]:
        """Raises ProviderRefused for a code that is wrong, used or old; ProviderUnavailable."""
        discovered = self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect_uri,
            "code_verifier": started.verifier,
        }
        headers = {}
        if self._client_secret and not discovered.secret_in_body:
            named = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"  # RFC 6749 §2.3.1
            headers["Authorization"] = "Basic " + b64encode(named.encode()).decode()
        else:
            form["client_id"] = self._client_id
            if self._client_secret:
                form["client_secret"] = self._client_secret
        status, answer = self._call("POST", discovered.token, content=urlencode(form).encode(), headers=headers)
        if status in _BAD_CODE and answer.get("error") == "invalid_grant":
            _refuse("code_refused")
        if status != httpx.codes.OK:
            raise ProviderUnavailable(reason="token_endpoint", status=status)
        return answer

    def _verified(self, token: str) -> tuple[str, dict[str, Any]]:
        """Raises ProviderRefused unless one of the provider's present keys signed it."""
        try:
            header = jws.extract_compact(token.encode("ascii")).headers()
        except (JoseError, ValueError, TypeError):
            _refuse("id_token_malformed")
        algorithm = header.get("alg")
        kind = ALGORITHMS.get(algorithm) if isinstance(algorithm, str) else None
        if kind is None or not isinstance(algorithm, str) or "crit" in header:
            _refuse("algorithm_refused")
        key = self._key(header.get("kid"), kind)
        try:
            if algorithm == _ED25519:
                payload = _edwards(token, key)
            else:
                payload = jws.deserialize_compact(token.encode("ascii"), key, algorithms=[algorithm]).payload
            claims = orjson.loads(payload)
        except (JoseError, InvalidSignature, ValueError, TypeError):
            _refuse("signature_refused")
        if not isinstance(claims, dict):
            _refuse("id_token_malformed")
        return algorithm, claims

    def _check(self, claims: dict[str, Any], nonce: str, now: int) -> None:
        """OpenID Connect Core 1.0 §3.1.3.7. Raises ProviderRefused."""
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience
        if claims.get("iss") != self._issuer:
            _refuse("issuer_mismatch")
        if not isinstance(audiences, list) or self._client_id not in audiences:
            _refuse("audience_mismatch")
        party = claims.get("azp")
        if (len(audiences) > 1 or party is not None) and party != self._client_id:
            _refuse("authorized_party_mismatch")
        expires, issued = claims.get("exp"), claims.get("iat")
        if not _is_time(expires) or now >= expires + _SKEW_S:
            _refuse("id_token_expired")
        if not _is_time(issued) or not now - _OLD_S <= issued <= now + _SKEW_S:
            _refuse("id_token_not_of_now")
        given = claims.get("nonce")
        if not isinstance(given, str) or not compare_digest(given.encode(errors="replace"), nonce.encode()):
            _refuse("nonce_mismatch")

    def _discover(self) -> _Discovered:
        with self._lock:
            if self._discovered is None or self._monotonic() >= self._discovered.until:
                self._discovered = self._fetch_metadata()
            return self._discovered

    def _fetch_metadata(self) -> _Discovered:
        status, document = self._call("GET", get_well_known_url(self._issuer, external=True))
        if status != httpx.codes.OK or document.get("issuer") != self._issuer:
            raise ProviderUnavailable(reason="discovery", status=status)
        metadata = OpenIDProviderMetadata(document)
        authorization, token, keys = (
            metadata.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")
        )
        if not (isinstance(authorization, str) and isinstance(token, str) and isinstance(keys, str)):
            raise ProviderUnavailable(reason="discovery_incomplete")
        if urlsplit(authorization).scheme != urlsplit(self._issuer).scheme:
            raise ProviderUnavailable(reason="authorization_endpoint_unsafe")
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        in_body = "client_secret_basic" not in methods
        return _Discovered(authorization, token, keys, in_body, self._monotonic() + _KEPT_S)

    def _key(self, kid: object, kind: type) -> Any:
        """The key of this id; the only one of its kind where the token names none. Raises ProviderRefused."""
        uri = self._discover().keys
        with self._lock:
            now = self._monotonic()
            if self._keys is None or now - self._keys_at >= _KEPT_S:
                self._fetch_keys(uri, now)
            found = self._find(kid, kind)
            if found is None and now - self._keys_at >= _AGAIN_S:
                # The provider may have changed its keys since we asked.
                self._fetch_keys(uri, now)
                found = self._find(kid, kind)
        if found is None:
            _refuse("key_unknown")
        return found

    def _find(self, kid: object, kind: type) -> Any:
        held = [key for key in (self._keys.keys if self._keys else ()) if isinstance(key, kind)]
        fitting = held if kid is None else [key for key in held if key.kid == kid]
        return fitting[0] if len(fitting) == 1 else None

    def _fetch_keys(self, uri: str, now: float) -> None:
        status, document = self._call("GET", uri)
        listed = document.get("keys")
        if status != httpx.codes.OK or not isinstance(listed, list):
            raise ProviderUnavailable(reason="keys", status=status)
        self._keys = KeySet([key for each in listed if (key := _readable(each)) is not None])
        self._keys_at = now

    def _call(
        self, method: str, url: str, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """The status and the JSON object answered. Raises ProviderUnavailable."""
        if _origin(url) != _origin(self._issuer):
            raise ProviderUnavailable(reason="address_not_of_the_issuer")
        sent = {"Accept": "application/json", **(headers or {})}
        if content is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        deadline = self._monotonic() + self._total_s
        try:
            with (
                httpx.Client(trust_env=False, follow_redirects=False, timeout=self._total_s) as client,
                client.stream(method, url, content=content, headers=sent) as answer,
            ):
                body = b""
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _ANSWER_MOST or self._monotonic() > deadline:
                        raise ProviderUnavailable(reason="answer_too_long")
            document = orjson.loads(body) if body else {}
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError, ValueError) as exc:
            raise ProviderUnavailable(reason=type(exc).__name__) from None
        return answer.status_code, document if isinstance(document, dict) else {}


def _edwards(token: str, key: OKPKey) -> bytes:
    """The payload. RFC 9864 renames `EdDSA`, and the library warns of the old name, which providers go on writing.

    Raises InvalidSignature, ValueError.
    """
    if not isinstance(key.public_key, Ed25519PublicKey):
        raise InvalidSignature
    signed, _, signature = token.rpartition(".")
    key.public_key.verify(_unpadded(signature), signed.encode("ascii"))
    return _unpadded(signed.partition(".")[2])


def _unpadded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _readable(document: object) -> Any:
    """A public key for signatures that is long enough; None for any other."""
    kinds: dict[str, Any] = {"RSA": RSAKey, "EC": ECKey, "OKP": OKPKey}
    if not isinstance(document, dict) or document.get("use", "sig") != "sig":
        return None
    kind = kinds.get(str(document.get("kty")))
    if kind is None:
        return None
    public = {name: value for name, value in document.items() if name not in ("d", "p", "q", "dp", "dq", "qi", "oth")}
    if kind is RSAKey and len(str(public.get("n", ""))) * 6 < _RSA_BITS:  # six bits a character of base 64
        return None
    try:
        return kind.import_key(public)
    except (JoseError, ValueError, TypeError):
        return None


def _check_access_token(claims: dict[str, Any], access_token: object, algorithm: str) -> None:
    """§3.1.3.6: where the ID token names the access token, it is the one that came with it. Raises ProviderRefused."""
    given = claims.get("at_hash")
    if given is None:
        return
    if not isinstance(given, str) or not isinstance(access_token, str):
        _refuse("at_hash_mismatch")
    digest = _HASHES[algorithm](access_token.encode(errors="replace")).digest()
    half = urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=")
    if not compare_digest(half, given.encode(errors="replace")):
        _refuse("at_hash_mismatch")


def _vouched(claims: dict[str, Any]) -> Vouched:
    subject, email, methods = claims.get("sub"), claims.get("email"), claims.get("amr")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isprintable():
        _refuse("subject_missing")
    return Vouched(
        issuer=claims["iss"],
        subject=subject,
        email=email if isinstance(email, str) else "",
        email_verified=claims.get("email_verified") is True,
        methods=frozenset(each for each in methods if isinstance(each, str))
        if isinstance(methods, list)
        else frozenset(),
    )


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return "", None, None


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**40


def _refuse(reason: str) -> NoReturn:
    raise ProviderRefused(reason=reason)
