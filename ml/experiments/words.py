"""Choosing words: the little morphology that generated English needs."""

import random
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_IRREGULAR: Final = {"person": "people", "child": "children", "man": "men", "woman": "women", "knife": "knives"}


def generator(*key: object) -> random.Random:
    """A generator of its own for each key, the same on every machine and Python."""
    return random.Random("/".join(map(str, key)))  # noqa: S311 - text for a model to learn from, not a secret


def plural(noun: str) -> str:
    """The plural of a noun, its last word bent: letter → letters, box → boxes, baby → babies."""
    head, _, last = noun.rpartition(" ")
    if last in _IRREGULAR:
        bent = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        bent = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        bent = last[:-1] + "ies"
    else:
        bent = last + "s"
    return f"{head} {bent}".strip()


def a(noun: str) -> str:
    """The noun with its indefinite article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop, unless it ends a sentence already."""
    first = 1 if text[0] == '"' else 0
    text = text[:first] + text[first].upper() + text[first + 1 :]
    return text if text.endswith((".", "?", "!", ",", '."', '?"', '!"')) else text + "."


def listed(items: Sequence[str]) -> str:
    """One, two and three."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def maybe(rng: random.Random, chance: float, text: str) -> str:
    """The text, or nothing."""
    return text if rng.random() < chance else ""
