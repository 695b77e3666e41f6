"""Errors that speak for others, or know more of what to do than their class does."""

from typing import TypeVar

from domain.errors import AnamnesisError

E = TypeVar("E", bound=AnamnesisError)


def saying(error: E, **own: str) -> E:
    """The same error with a `code` or a `hint` of its own."""
    vars(error).update(own)
    return error
