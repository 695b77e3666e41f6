"""Password hashes: argon2id with OWASP's parameters (Password Storage Cheat Sheet: 19 MiB, 2 passes, 1 lane)."""

import os
from contextlib import suppress
from threading import BoundedSemaphore
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHash, VerifyMismatchError
from argon2.low_level import Type

MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1


class Argon2Hasher:
    """Satisfies domain.ports.identity.PasswordHasher.

    At most `at_once` hashes are computed at a time: a burst of sign-ins costs waiting, not memory.
    """

    def __init__(self, *, at_once: int | None = None, memory_kib: int = MEMORY_KIB, passes: int = PASSES) -> None:
        self._argon2 = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=LANES, type=Type.ID)
        self._turns = BoundedSemaphore(at_once or os.cpu_count() or 1)
        self._nobodys = self._argon2.hash(os.urandom(16).hex())

    def hash(self, password: str) -> str:
        with self._turns:
            return self._argon2.hash(password)

    def verify(self, password_hash: str, password: str) -> bool:
        """As the port says. A hash that can't be read (such as the empty one of an unknown login) costs the same work,
        so that the time of the answer does not tell which logins exist.
        """
        with self._turns:
            try:
                return self._argon2.verify(password_hash, password)
            except VerifyMismatchError:
                return False
            except (InvalidHash, Argon2Error):
                with suppress(Argon2Error):
                    self._argon2.verify(self._nobodys, password)
                return False

    def needs_rehash(self, password_hash: str) -> bool:
        try:
            return self._argon2.check_needs_rehash(password_hash)
        except InvalidHash:
            return True
