"""Composes labelled texts: a sentence about a group, in a frame, with a label that the sentence brings along."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, TypeVar

from ml.bias.clauses import BIASED, FRAMES, NEUTRAL
from ml.bias.groups import Group, read_groups, split_groups

T = TypeVar("T")
_VOWELS: Final = tuple("aeiouAEIOU")
_SOUNDS_LIKE_YOU: Final = ("eu", "one-", "uni", "us-")
_LETTER_BY_LETTER: Final = ("FTM", "F2M", "MTF", "M2F", "LGBT", "8")
"""Read aloud, these begin with a vowel."""


@dataclass(frozen=True, slots=True)
class Text:
    """One labelled text and what it was made of."""

    text: str
    biased: bool
    kind: str
    """Which way of being biased or neutral."""
    clause: str
    register: str
    group: Group


@dataclass(frozen=True, slots=True)
class Template:
    """A clause, before frame and group."""

    clause: str
    kind: str
    biased: bool


@dataclass(frozen=True, slots=True)
class Split:
    """Texts of four corners: sentences and frames seen or held out, groups seen or held out."""

    train: tuple[Text, ...]
    seen: tuple[Text, ...]
    """Other texts of seen sentences, frames and groups."""
    new_templates: tuple[Text, ...]
    new_groups: tuple[Text, ...]
    new_both: tuple[Text, ...]

    def tests(self) -> dict[str, tuple[Text, ...]]:
        """The corners that nothing is trained on."""
        return {
            "seen templates, seen groups": self.seen,
            "held-out templates, seen groups": self.new_templates,
            "seen templates, held-out groups": self.new_groups,
            "held-out templates, held-out groups": self.new_both,
        }


def templates() -> list[Template]:
    """All sentences with their labels."""
    return [
        Template(clause, kind, biased)
        for biased, kinds in ((True, BIASED), (False, NEUTRAL))
        for kind, clauses in kinds.items()
        for clause in clauses
    ]


def split_texts(folder: Path, fold: int, folds: int = 3, *, seed: int = 0, train: int = 2000, test: int = 600) -> Split:
    """Texts of which a `folds`-th of sentences (of each kind), of frames and about as many groups are kept from training.

    Over all folds every sentence and every frame is held out once. Raises FairnessDataMissing, and ValueError on a fold that
    there isn't.
    """
    if folds < 2 or not 0 <= fold < folds:
        raise ValueError(f"Fold {fold} of {folds}: take at least two folds, and number them from 0.")
    groups, new_groups = split_groups(read_groups(folder), 1 / folds, seed + fold)
    order = Random(seed)  # noqa: S311 - drawing a sample, no secret
    kinds: dict[str, list[Template]] = {}
    for one in templates():
        kinds.setdefault(one.kind, []).append(one)
    parted = [_parted(order, of_kind, fold, folds) for of_kind in kinds.values()]
    sentences, new_sentences = ([one for part in parted for one in part[side]] for side in (0, 1))
    all_frames = [(register, frame) for register, framed in FRAMES.items() for frame in framed]
    frames, new_frames = _parted(order, all_frames, fold, folds)
    rng = Random(f"{seed}/{fold}")  # noqa: S311 - as above
    known = compose(rng, sentences, frames, groups, train + test)
    return Split(
        tuple(known[:train]),
        tuple(known[train:]),
        tuple(compose(rng, new_sentences, new_frames, groups, test)),
        tuple(compose(rng, sentences, frames, new_groups, test)),
        tuple(compose(rng, new_sentences, new_frames, new_groups, test)),
    )


def compose(
    rng: Random,
    sentences: Sequence[Template],
    frames: Sequence[tuple[str, str]],
    groups: Sequence[Group],
    count: int,
) -> list[Text]:
    """`count` different texts, biased and neutral in turn, so that neither frame nor group tells the label."""
    by_label = [[one for one in sentences if one.biased is biased] for biased in (True, False)]
    found: dict[str, Text] = {}
    while len(found) < count:
        template = rng.choice(by_label[len(found) % 2])
        register, frame = rng.choice(frames)
        group = rng.choice(groups)
        text = spoken(template.clause, frame, group, rng.choice(group.nouns))
        found.setdefault(text, Text(text, template.biased, template.kind, template.clause, register, group))
    return list(found.values())


def spoken(clause: str, frame: str, group: Group, noun: tuple[str, str]) -> str:
    """The sentence about the group, in its frame."""
    one, many = f"{group.descriptor} {noun[0]}", f"{group.descriptor} {noun[1]}"
    said = clause.format(person=f"{article(one)} {one}", people=many)
    before = frame.partition("{clause}")[0].rstrip()
    said = said[0].upper() + said[1:] if before.endswith((".", "?")) or (not before and frame[-1] == ".") else said
    return frame.format(clause=said)


def article(phrase: str) -> str:
    """a or an, by how the phrase begins when it is read aloud."""
    vowel = phrase.startswith(_VOWELS) and not phrase.lower().startswith(_SOUNDS_LIKE_YOU)
    return "an" if vowel or phrase.startswith(_LETTER_BY_LETTER) else "a"


def _parted(rng: Random, items: list[T], fold: int, folds: int) -> tuple[list[T], list[T]]:
    """All but the fold's items, and those."""
    order = rng.sample(items, len(items))
    return [one for n, one in enumerate(order) if n % folds != fold], order[fold::folds]
