"""What a password must be (NIST SP 800-63B-4 §3.1.1): long, nobody's name, and not one that was found in a breach.

There are no rules about kinds of characters and no expiry: both make people choose worse.
"""

import unicodedata
from typing import Final

from domain.errors import Invalid
from domain.model import checks

PASSWORD_LEAST: Final = 12
PASSWORD_MOST: Final = 128
PASSWORD_BYTES_MOST: Final = 1024
_NAME_LEAST: Final = 4
"""Shorter parts of a name stand in too many sentences to be refused."""


class PasswordBreached(Invalid):
    code = "password_breached"
    message = (
        "This password stands in a list of passwords that were stolen elsewhere, so it is among the first to be tried."
    )
    hint = "Choose another one; a sentence that only you would think of is a good one."


def prepared(password: str) -> str:
    """As it is hashed: NFKC, so that one password typed on two keyboards is one password (§3.1.1.2).

    Raises Invalid for what no keyboard types, or is far too long to be worth hashing.
    """
    checks.text("password", password, PASSWORD_MOST)
    normal = unicodedata.normalize("NFKC", password)
    if len(normal.encode()) > PASSWORD_BYTES_MOST:
        raise Invalid(
            f"password must be at most {PASSWORD_BYTES_MOST} bytes in UTF-8.",
            field="password",
            at_most=PASSWORD_BYTES_MOST,
        )
    return normal


def check_password(password: str, login: str, display_name: str = "") -> None:
    """A new password, as `prepared` gave it. Raises Invalid, which says why and never with which password."""
    checks.text("password", password, PASSWORD_BYTES_MOST)
    if len(password) < PASSWORD_LEAST:
        raise Invalid(
            f"password needs at least {PASSWORD_LEAST} characters.", field="password", at_least=PASSWORD_LEAST
        )
    if len(set(password)) < 4:
        raise Invalid("password must not be the login, nor few characters repeated.", field="password")
    if _bare(password) in _names(login, display_name):
        raise Invalid("password must not be the login, the name of the account, nor either repeated.", field="password")


def _names(login: str, display_name: str) -> set[str]:
    """The login with and without its domain, and the name, each also written twice and thrice."""
    names = {_bare(login), _bare(login.partition("@")[0]), _bare(display_name)}
    return {name * times for name in names if len(name) >= _NAME_LEAST for times in (1, 2, 3)}


def _bare(text: str) -> str:
    """Letters and digits alone: `Noor.Haddad` and `noor haddad` are one name."""
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())
