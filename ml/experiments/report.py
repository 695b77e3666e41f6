"""Tables of what the runs measured, with intervals paired over seeds."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from scipy import stats

from ml.experiments.data import DOMAINS
from ml.experiments.runs import Result, mean
from ml.experiments.variants import VARIANTS

LEVEL: Final = 0.95
AGAINST: Final = ("lora", "random", "uniform")
"""What differences are told against."""


@dataclass(frozen=True)
class Interval:
    """A mean and half the width of its two-sided 95 % interval; NaN for the width where one value leaves it open."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if math.isnan(self.half) else f"{self.mean:.3f} ± {self.half:.3f}"

    def signed(self) -> str:
        """With its sign; bold where the interval leaves out zero."""
        text = f"{self.mean:+.3f}" if math.isnan(self.half) else f"{self.mean:+.3f} ± {self.half:.3f}"
        return f"**{text}**" if abs(self.mean) > self.half else text


def interval(values: Sequence[float]) -> Interval:
    """Student's t interval of the mean, with one degree of freedom less than there are values."""
    count = len(values)
    average = math.fsum(values) / count
    if count < 2:
        return Interval(average, math.nan)
    variance = math.fsum((value - average) ** 2 for value in values) / (count - 1)
    return Interval(average, float(stats.t.ppf((1 + LEVEL) / 2, count - 1)) * math.sqrt(variance / count))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


class Runs:
    """The results of one corpus, by variant and seed."""

    def __init__(self, results: Iterable[Result]) -> None:
        self._by = {(result.variant, result.seed): result for result in results}
        self.variants = [name for name in VARIANTS if any(variant == name for variant, _ in self._by)]

    def of(self, variant: str) -> list[Result]:
        """The variant's results in the order of their seeds."""
        return [self._by[key] for key in sorted(self._by) if key[0] == variant]

    def paired(self, variant: str, other: str, measure: Callable[[Result], float]) -> list[float]:
        """Differences variant - other, seed by seed, of the seeds that both have."""
        mine = {result.seed: measure(result) for result in self.of(variant)}
        theirs = {result.seed: measure(result) for result in self.of(other)}
        return [mine[seed] - theirs[seed] for seed in sorted(mine.keys() & theirs.keys())]


def _measures() -> list[Callable[[Result], float]]:
    """The loss of each domain, then the mean over domains."""
    return [*((lambda result, name=name: result.test[name]) for name in DOMAINS), lambda result: mean(result.test)]


def losses(runs: Runs, base: Mapping[str, float]) -> str:
    """Test loss by domain; `base` holds those of the base alone."""
    rows = [["base, not adapted", "0", *(f"{base[name]:.3f}" for name in DOMAINS), f"{mean(base):.3f}"]]
    for variant in runs.variants:
        results = runs.of(variant)
        cells = [str(interval([measure(result) for result in results])) for measure in _measures()]
        rows.append([VARIANTS[variant].title, f"{results[0].parameters:,}", *cells])
    return table(["variant", "trains", *DOMAINS, "mean"], rows)


def differences(runs: Runs, other: str) -> str:
    """Test loss against another variant, paired over seeds: below zero is better than it."""
    rows = [
        [VARIANTS[variant].title, *(interval(runs.paired(variant, other, measure)).signed() for measure in _measures())]
        for variant in runs.variants
        if variant != other
    ]
    return table([f"minus {VARIANTS[other].title}", *DOMAINS, "mean"], rows)


def own_and_others(without: dict[str, dict[str, float]]) -> tuple[float, float]:
    """Mean rise of a domain's loss without its own expert, and without another domain's."""
    own = [without[name][name] for name in without]
    others = [without[out][name] for out in without for name in without if out != name]
    return math.fsum(own) / len(own), math.fsum(others) / len(others)


def specialisation(runs: Runs) -> str:
    """Mutual information, and what silencing a domain's experts costs it and the others."""
    rows = []
    for variant in runs.variants:
        results = [result for result in runs.of(variant) if result.without and result.information_nats is not None]
        if not results:
            continue
        pairs = [own_and_others(result.without or {}) for result in results]
        rows.append([
            VARIANTS[variant].title,
            str(interval([result.information_nats or 0.0 for result in results])),
            str(interval([own for own, _ in pairs])),
            str(interval([others for _, others in pairs])),
            interval([own - others for own, others in pairs]).signed(),
        ])  # fmt: skip
    return table(["variant", "information, nats", "own expert silent", "another's silent", "difference"], rows)


def curves(runs: Runs) -> str:
    """Mean validation loss over domains and seeds, by step."""
    steps = [step for step, _ in runs.of(runs.variants[0])[0].curve]
    rows = []
    for variant in runs.variants:
        results = runs.of(variant)
        points = [math.fsum(result.curve[at][1] for result in results) / len(results) for at in range(len(steps))]
        rows.append([VARIANTS[variant].title, *(f"{point:.3f}" for point in points)])
    return table(["validation loss at step", *map(str, steps)], rows)


def tables(corpus: str, results: Iterable[Result], base: Mapping[str, float]) -> str:
    """All tables of one corpus, in Markdown."""
    runs = Runs(results)
    parts = [f"### {corpus}", losses(runs, base)]
    parts += [differences(runs, other) for other in AGAINST if other in runs.variants and len(runs.variants) > 1]
    return "\n\n".join([*parts, specialisation(runs), curves(runs)])
