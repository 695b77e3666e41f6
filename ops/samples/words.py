"""What session entries of the samples say: put together from phrases by topic and by how things stand, no phrase again before
its kin had their turn, and with what the last questionnaire showed.
"""

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Final

from domain.model.values import Emotion, Valence
from ops.samples.faces import Face

_HARD, _WORKING = 0.5, 0.28
_PRONOUNS: Final[Mapping[str, Mapping[str, str]]] = {
    "she/her": {"they": "she", "their": "her", "them": "her", "theirs": "hers", "self": "herself"},
    "he/him": {"they": "he", "their": "his", "them": "him", "theirs": "his", "self": "himself"},
    "they/them": {"they": "the client", "their": "their", "them": "them", "theirs": "theirs", "self": "themself"},
}
_OPENINGS: Final = (
    "",
    "",
    "",
    "Came on time. ",
    "A few minutes late, and settled quickly. ",
    "Tired today. ",
    "Talkative today. ",
)


@cache
def told() -> Mapping[str, Any]:
    """The invented people and the phrases, from the file that lies with the code."""
    text = (files("ops") / "data" / "sample_clients.json").read_text(encoding="utf-8")
    return json.loads(text)  # type: ignore[no-any-return]  # the file's shape is tested


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The texts of one session."""

    summary: str
    themes: tuple[str, ...]
    emotions: tuple[Emotion, ...]
    interventions: tuple[str, ...]
    homework: str
    next_plan: str


@dataclass(slots=True)
class Teller:
    """Of one client. `level` is 0 (as well as can be) to 1."""

    topic: str
    face: Face
    chance: random.Random
    _decks: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def entry(self, level: float, remark: str) -> Entry:
        """`remark` is what a questionnaire showed, or nothing."""
        phase = phase_of(level)
        bank = told()["topics"][self.topic][phase]
        parts = [self._draw(phase, name, bank[name]) for name in ("happened", "did", "took_away")]
        if self.chance.random() < 0.2:
            parts.insert(1, self._draw(phase, "happened", bank["happened"]))
        summary = self.chance.choice(_OPENINGS) + " ".join(dict.fromkeys(filter(None, [*parts, remark])))
        return Entry(
            summary=summary,
            themes=self._some(bank["themes"], 1),
            emotions=self._emotions(bank, level),
            interventions=self._some(bank["interventions"], 1),
            homework=self._draw(phase, "homework", bank["homework"]),
            next_plan=self._draw(phase, "next_plan", bank["next_plan"]),
        )

    def _draw(self, phase: str, name: str, phrases: Sequence[str]) -> str:
        deck = self._decks.setdefault((phase, name), [])
        if not deck:
            deck.extend(self.chance.sample(phrases, len(phrases)))
        return spoken(deck.pop(), self.face.pronouns)

    def _some(self, names: Sequence[str], least: int) -> tuple[str, ...]:
        count = self.chance.randint(least, len(names))
        return tuple(name for name in names if name in self.chance.sample(names, count))

    def _emotions(self, bank: Mapping[str, Any], level: float) -> tuple[Emotion, ...]:
        """The first two and now and then more; people vary by a point about how they are."""
        bad = [(name, 1 + 8 * level, Valence.NEGATIVE) for name in bank["negative"]]
        good = [(name, 8 - 7 * level, Valence.POSITIVE) for name in bank["positive"]]
        good += [(name, 5.0, Valence.NEUTRAL) for name in bank.get("neutral", ())]
        chosen = [*bad[:1], *good[:1], *(each for each in (*bad[1:], *good[1:]) if self.chance.random() < 0.4)]
        return tuple(
            Emotion(name=name, intensity=min(10, max(0, round(mean + self.chance.gauss(0, 1)))), valence=valence)
            for name, mean, valence in chosen
        )


def phase_of(level: float) -> str:
    """Which phrases fit."""
    if level >= _HARD:
        return "hard"
    return "working" if level >= _WORKING else "better"


def spoken(phrase: str, pronouns: str) -> str:
    """The phrase with this person's pronouns."""
    words = {**_PRONOUNS[pronouns], "was": "was"}
    return phrase.format(**words, **{word.capitalize(): said[0].upper() + said[1:] for word, said in words.items()})
