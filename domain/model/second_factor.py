"""A second factor: a secret in somebody's telephone, and the codes on paper for when the telephone is gone."""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Final, Self

from domain.errors import Conflict

RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10
_GROUP: Final = 4
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to be misread
_MISREAD: Final = str.maketrans("ilo", "110")
_RECOVERY: Final = re.compile(f"[{_ALPHABET}]{{16}}")


class SecondFactorActive(Conflict):
    code = "second_factor_active"
    message = "The account has a second factor already."
    hint = "Remove it first, with a code of the one there is."


class NoSecondFactor(Conflict):
    code = "no_second_factor"
    message = "The account has no second factor."


class NothingToConfirm(Conflict):
    code = "nothing_to_confirm"
    message = "No enrolment of a second factor has been begun."
    hint = "Begin one, and enter its secret into an authenticator."


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """`last_step` is the time step of the newest code that was used: it and all before are used up. `recovery` holds the
    SHA-256 of the recovery codes that are left; each is 80 random bits, so there is nothing to guess.
    """

    secret: bytes = field(repr=False)
    confirmed_at: datetime
    last_step: int
    recovery: frozenset[bytes] = field(repr=False)

    def used(self, step: int) -> Self:
        return replace(self, last_step=step)

    def without(self, digest: bytes) -> Self:
        return replace(self, recovery=self.recovery - {digest})

    def with_codes(self, digests: tuple[bytes, ...]) -> Self:
        return replace(self, recovery=frozenset(digests))


def recovery_code(random: bytes) -> str:
    """Sixteen characters in groups of four, out of ten random bytes (more are cut off)."""
    number = int.from_bytes(random[:_RECOVERY_BYTES], "big")
    text = "".join(_ALPHABET[number >> 5 * place & 31] for place in range(16))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def recovery_digest(code: str) -> bytes | None:
    """What is stored of a code, however it was typed; None for what can't be one."""
    bare = "".join(code.split()).replace("-", "").casefold().translate(_MISREAD)
    return sha256(bare.encode()).digest() if _RECOVERY.fullmatch(bare) else None
