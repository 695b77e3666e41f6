"""Time, ids, passwords and tokens that tests can foresee."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from uuid import UUID

from domain.errors import Invalid, Unauthenticated
from domain.ports.call import Actor
from domain.ports.identity import Claims


class InMemoryClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> datetime:
        self.at += timedelta(seconds=seconds)
        return self.at


class InMemoryIds:
    """Ids of the right versions out of a seeded generator; the ordered ones count up."""

    def __init__(self, seed: int = 1) -> None:
        self._random = Random(seed)  # noqa: S311 - for tests, which must repeat
        self._count = 0

    def opaque(self) -> UUID:
        return UUID(int=self._random.getrandbits(128), version=4)

    def ordered(self) -> UUID:
        self._count += 1
        return UUID(int=((self._count << 80) | self._random.getrandbits(62)) & ~(0xF << 76) | (7 << 76) | (2 << 62))


class InMemorySecrets:
    def __init__(self, seed: int = 2) -> None:
        self._random = Random(seed)  # noqa: S311 - for tests, which must repeat

    def secret(self) -> bytes:
        return self._random.randbytes(32)


class InMemoryHasher:
    """SHA-256 with a marker for its age: fast, and of no use against anybody. Counts what it verified."""

    def __init__(self, generation: int = 1) -> None:
        self.generation = generation
        self.verified = 0

    def hash(self, password: str) -> str:
        return f"{self.generation}:{sha256(password.encode()).hexdigest()}"

    def verify(self, password_hash: str, password: str) -> bool:
        self.verified += 1
        return password_hash.partition(":")[2] == sha256(password.encode()).hexdigest()

    def needs_rehash(self, password_hash: str) -> bool:
        return int(password_hash.partition(":")[0]) < self.generation


class InMemoryTokens:
    """A TokenSigner that remembers what it issued."""

    def __init__(self) -> None:
        self._issued: dict[str, Claims] = {}

    def issue(self, actor: Actor, expires_at_us: int) -> str:
        token = f"token-{len(self._issued)}"
        self._issued[token] = Claims(actor=actor, expires_at_us=expires_at_us)
        return token

    def verify(self, token: str, now_us: int) -> Claims:
        claims = self._issued.get(token)
        if claims is None or claims.expires_at_us <= now_us:
            raise Unauthenticated
        return claims


class InMemoryTokenSealer:
    """A TokenSealer that remembers what it sealed."""

    def __init__(self) -> None:
        self._sealed: dict[tuple[str, str], bytes] = {}

    def seal_token(self, purpose: str, plaintext: bytes) -> str:
        token = f"sealed-{len(self._sealed)}"
        self._sealed[purpose, token] = plaintext
        return token

    def open_token(self, purpose: str, token: str) -> bytes:
        plaintext = self._sealed.get((purpose, token))
        if plaintext is None:
            raise Invalid
        return plaintext


class InMemoryBreached:
    """Passwords known to be stolen, as a set."""

    def __init__(self, *passwords: str) -> None:
        self.passwords = set(passwords)

    def holds(self, password: str) -> bool:
        return password in self.passwords
