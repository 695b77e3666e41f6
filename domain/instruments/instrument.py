"""One version of a questionnaire: its items, how it is scored, and what its literature says of a score and of a change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import Final

from domain.instruments.errors import AnswerOutOfRange, AnswersIncomplete

Z_95: Final = 1.96
"""Two-sided 5 % of a normal distribution, as Jacobson and Truax (1991) use it."""
_DECIMALS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """`key` is what the data points to; `doi` empty where there is none, then `url` says where it is read."""

    key: str
    text: str
    doi: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An answer that can be given, and what it stands for in our own words."""

    value: int
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """`about` is our own short descriptor, never the questionnaire's wording. A `reversed` item counts least + most less its answer."""

    number: int
    about: str
    least: int
    most: int
    reversed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """`label` holds from this score on; for an instrument where low is worse, up to this score."""

    score: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proration:
    """Mean substitution: the mean of the answered items counts for all, while at most `missing_most` are missing."""

    missing_most: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is needed to judge a change: standard deviation and reliability of one population, and the smallest difference
    that matters to people. `minimal_important` None where no figure is established.
    """

    sd: float
    reliability: float
    population: str
    source: str
    minimal_important: float | None
    minimal_important_source: str
    assumed: bool = False
    """Whether a parameter is an assumption of ours, for want of a published one; `source` says which."""

    @property
    def threshold(self) -> float:
        """The smallest difference that is reliable, in points: 1.96 · SD · √(2(1 - r)). Jacobson and Truax (1991)."""
        return Z_95 * self.sd * sqrt(2 * (1 - self.reliability))


@dataclass(frozen=True, slots=True, kw_only=True)
class CriticalItem:
    """An item whose answer is told to somebody whatever the score: the level of the flag by answer, and when there is none.

    Levels are codes of `domain.model.risk_flag.FlagLevel`.
    """

    number: int
    levels: Mapping[int, str]
    unanswered: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """`missing` are numbers of items without an answer; `prorated` tells that the score is an estimate for that reason."""

    score: float
    severity: str
    prorated: bool
    missing: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Instrument:
    """A version of a questionnaire. `multiplier` turns the sum of items into the score (WHO-5: 4, for 0 to 100).

    `bands` are in order of their scores and cover all of them. `clinical_cutoff` is where the clinical range begins, counted from the
    healthy side and itself within it; None where there is no single one (`note` says why).
    """

    key: str
    version: str
    title: str
    concept: str
    licence: str
    licence_source: str
    recall_days: int
    items: tuple[Item, ...]
    responses: tuple[Response, ...]
    multiplier: int
    higher_is_worse: bool
    bands: tuple[Band, ...]
    bands_source: str
    clinical_cutoff: float | None
    clinical_cutoff_source: str
    proration: Proration | None
    change: Change
    critical_items: tuple[CriticalItem, ...]
    citations: tuple[Citation, ...]
    note: str = ""
    retired: bool = False

    @cached_property
    def least(self) -> float:
        """The lowest score there is."""
        return float(self.multiplier * sum(item.least for item in self.items))

    @cached_property
    def most(self) -> float:
        """The highest score there is."""
        return float(self.multiplier * sum(item.most for item in self.items))

    @property
    def cutoffs(self) -> tuple[Band, ...]:
        """Scores at which the severity changes: where each band but the mildest begins, seen from the healthy side."""
        return self.bands[1:] if self.higher_is_worse else self.bands[:-1]

    @property
    def reliable_change(self) -> float:
        """The smallest difference between two scores that is reliable, in points; also half the reliable-change band."""
        return self.change.threshold

    @property
    def minimal_important_difference(self) -> float:
        """The smallest difference that matters to people, in points; where none is established, the reliable change."""
        established = self.change.minimal_important
        return self.change.threshold if established is None else established

    def is_clinical(self, score: float) -> bool | None:
        """Whether a score lies in the clinical range; None where there is no single cut-off."""
        if self.clinical_cutoff is None:
            return None
        return score >= self.clinical_cutoff if self.higher_is_worse else score <= self.clinical_cutoff

    def severity(self, score: float) -> str:
        """The label of the band that a score lies in."""
        if self.higher_is_worse:
            return next(band.label for band in reversed(self.bands) if score >= band.score)
        return next(band.label for band in self.bands if score <= band.score)

    def check(self, answers: Sequence[int | None]) -> None:
        """One entry an item, in order, None for one without an answer; each in its range.

        Raises AnswersIncomplete for too few entries, AnswerOutOfRange naming the item.
        """
        if len(answers) < len(self.items):
            raise AnswersIncomplete(
                f"answers needs {len(self.items)} entries, one an item in order, null for an item without an answer.",
                field="answers",
                instrument=self.key,
                item=len(answers) + 1,
                items=len(self.items),
            )
        if len(answers) > len(self.items):
            raise AnswerOutOfRange(
                f"The instrument has {len(self.items)} items; there are more answers than that.",
                field="answers",
                instrument=self.key,
                item=len(self.items) + 1,
                items=len(self.items),
            )
        for item, answer in zip(self.items, answers, strict=True):
            if answer is not None and (type(answer) is not int or not item.least <= answer <= item.most):
                raise AnswerOutOfRange(
                    f"The answer to item {item.number} must be a whole number from {item.least} to {item.most}.",
                    field=f"answers[{item.number - 1}]",
                    instrument=self.key,
                    item=item.number,
                )

    def score(self, answers: Sequence[int | None]) -> Scored:
        """The score of a questionnaire as it was filled in, estimated for missing answers where that is allowed.

        Raises AnswersIncomplete naming the items without an answer, AnswerOutOfRange.
        """
        self.check(answers)
        missing = tuple(item.number for item, answer in zip(self.items, answers, strict=True) if answer is None)
        self._check_missing(missing)
        answered = [
            item.least + item.most - answer if item.reversed else answer
            for item, answer in zip(self.items, answers, strict=True)
            if answer is not None
        ]
        total = sum(answered) * len(self.items) / len(answered)
        score = round(total * self.multiplier, _DECIMALS)
        return Scored(score=score, severity=self.severity(score), prorated=bool(missing), missing=missing)

    def flag_level(self, answers: Sequence[int | None]) -> tuple[int, str] | None:
        """The first critical item that must be told to somebody, and how urgent it is; None when there is none."""
        for critical in self.critical_items:
            answer = answers[critical.number - 1]
            level = critical.unanswered if answer is None else critical.levels.get(answer, "")
            if level:
                return critical.number, level
        return None

    def _check_missing(self, missing: tuple[int, ...]) -> None:
        allowed = self.proration.missing_most if self.proration else 0
        if len(missing) <= allowed:
            return
        rule = f"at most {allowed} may be" if allowed else "none may be"
        raise AnswersIncomplete(
            f"Items without an answer: {', '.join(map(str, missing))}; with this instrument {rule}.",
            field="answers",
            instrument=self.key,
            items=",".join(map(str, missing)),
            allowed=allowed,
        )
