"""Names of groups, read at run time from the descriptors and nouns of HolisticBias (Smith et al., arXiv:2205.09209).

The data set is CC BY-SA 4.0 and no part of this project: it is read from a folder and nothing of it is kept.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

FILES: Final = ("holistic-bias-descriptors.json", "holistic-bias-nouns.json")
_UNFIT_PREFERENCES: Final = frozenset({"dispreferred", "polarizing"})
"""A word that those it names reject isn't a neutral mention."""
_LEFT_OUT: Final = {
    "nonce": None,  # invented words name no group
    "body_type": frozenset({"overweight", "skin_color"}),  # of the rest most name looks, some in contempt
}
"""Axes that are left out, but for these parts of them. Names of addiction are also left out: each is itself a judgement."""
_CONTEMPT: Final = frozenset({("characteristics", "addictions")})
_NOUNS: Final = frozenset(
    {"woman", "lady", "mother", "man", "guy", "father", "individual", "person", "parent", "veteran"}
)
"""Adults: kinship and childhood would contradict ages."""


@dataclass(frozen=True, slots=True)
class Group:
    """A descriptor with the nouns that it can stand before, as (singular, plural)."""

    axis: str
    descriptor: str
    nouns: tuple[tuple[str, str], ...]


class FairnessDataMissing(ValueError):
    """The folder doesn't hold the files of the data set."""


def read_groups(folder: Path) -> list[Group]:
    """All groups whose names can be used neutrally, each once, in the order of the files. Raises FairnessDataMissing."""
    for name in FILES:
        if not (folder / name).is_file():
            raise FairnessDataMissing(
                f"{folder} holds no {name}: put the JSON files of HolisticBias there, named {', '.join(FILES)}."
            )
    axes, nouns = (json.loads((folder / name).read_text("utf-8")) for name in FILES)
    by_gender = {gender: tuple((one, many) for one, many in pairs if one in _NOUNS) for gender, pairs in nouns.items()}
    every = tuple(pair for pairs in by_gender.values() for pair in pairs)
    found: dict[str, Group] = {}
    for axis, entry in _entries(axes):
        name = entry["descriptor"]
        found.setdefault(name.lower(), Group(axis, name, by_gender.get(entry.get("gender", ""), every)))
    return list(found.values())


def split_groups(groups: list[Group], held_out: float, seed: int) -> tuple[list[Group], list[Group]]:
    """Seen and held-out groups, of which none of one shares a word with any of the other.

    Groups that share a word, directly or through others, stay together: an unseen name made of seen words isn't unseen.
    """
    clusters = _clusters(groups)
    Random(seed).shuffle(clusters)  # noqa: S311 - drawing a sample, no secret
    wanted, out = held_out * len(groups), set[int]()
    for cluster in clusters:
        if len(out) + len(cluster) <= wanted:
            out.update(cluster)
    kept = [group for number, group in enumerate(groups) if number not in out]
    return kept, [groups[number] for number in sorted(out)]


def words_of(name: str) -> frozenset[str]:
    """The words a name is made of, in lower case, hyphens taken apart."""
    return frozenset(name.lower().replace("-", " ").split())


def _entries(axes: dict[str, dict[str, list[Any]]]) -> Iterator[tuple[str, dict[str, str]]]:
    for axis, parts in axes.items():
        for part, entries in parts.items():
            only = _LEFT_OUT.get(axis, frozenset({part}))
            if only is None or part not in only or (axis, part) in _CONTEMPT:
                continue
            for entry in entries:
                described = {"descriptor": entry} if isinstance(entry, str) else entry
                if described.get("preference") not in _UNFIT_PREFERENCES:
                    yield axis, described


def _clusters(groups: list[Group]) -> list[list[int]]:
    """Numbers of groups, joined over shared words."""
    head = list(range(len(groups)))

    def root(number: int) -> int:
        while head[number] != number:
            number = head[number]
        return number

    first: dict[str, int] = {}
    for number, group in enumerate(groups):
        for word in sorted(words_of(group.descriptor)):
            head[root(number)] = root(first.setdefault(word, number))
    joined: dict[int, list[int]] = {}
    for number in range(len(groups)):
        joined.setdefault(root(number), []).append(number)
    return list(joined.values())
