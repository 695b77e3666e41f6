"""Codes of authenticators: TOTP with SHA-1, six digits and 30 seconds, which is what authenticators understand (RFC 6238)."""

import re
from base64 import b32encode
from datetime import datetime
from hmac import compare_digest
from typing import Final

from pyotp import TOTP

ISSUER: Final = "Anamnesis"
"""What an authenticator shows above the login."""
_WINDOW: Final = (-1, 0, 1)
"""Steps that a clock may be off, and that somebody may be slow."""
_CODE: Final = re.compile(r"\d{6}", re.ASCII)


class PyotpCodes:
    """Satisfies domain.ports.identity.SecondFactorCodes."""

    def step(self, secret: bytes, code: str, at: datetime) -> int | None:
        """As the port says. Spaces in a code, as some authenticators show one, don't matter."""
        typed = "".join(code.split())
        if not _CODE.fullmatch(typed):
            return None
        totp = _totp(secret)
        now = totp.timecode(at)
        steps = [now + offset for offset in _WINDOW if now + offset >= 0]
        # All are compared, whichever fits.
        fitting = [step for step in steps if compare_digest(totp.generate_otp(step), typed)]
        return fitting[-1] if fitting else None

    def uri(self, secret: bytes, login: str) -> str:
        return _totp(secret).provisioning_uri(name=login, issuer_name=ISSUER)


def _totp(secret: bytes) -> TOTP:
    return TOTP(b32encode(secret).decode())
