"""Secrets out of the operating system."""

import os


class OsSecrets:
    """Satisfies domain.ports.identity.SecretSource."""

    def secret(self) -> bytes:
        return os.urandom(32)
