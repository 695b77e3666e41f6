"""Area under the ROC curve, with an interval that knows that texts of one template, or of one group, resemble each other."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Area:
    """The chance that a biased text scores above a neutral one, ties as a half, and its 95 % interval."""

    value: float
    low: float
    high: float


def auc(scores_N: Floats, positive_N: NDArray[Any], weights_N: Floats | None = None) -> float:
    """Area under the ROC curve by ranks (Mann and Whitney), weighted; NaN when one of the labels has no weight."""
    weights_N = np.ones(len(scores_N)) if weights_N is None else weights_N
    levels, level_N = np.unique(scores_N, return_inverse=True)
    positive = np.bincount(level_N, weights_N * positive_N, len(levels))
    negative = np.bincount(level_N, weights_N * ~positive_N, len(levels))
    below = np.cumsum(negative) - negative / 2
    pairs = positive.sum() * negative.sum()
    return float((positive * below).sum() / pairs) if pairs else float("nan")


@dataclass(frozen=True, slots=True)
class Scored:
    """Scores of texts by one model, their labels, and the clusters they belong to (a name a text for template, for group)."""

    scores: Sequence[float]
    positive: Sequence[bool]
    clusters: Sequence[Sequence[Hashable]]


def area(folds: Sequence[Scored], draws: int = 400, seed: int = 0) -> Area:
    """Mean over folds of the AUC in each, with the percentiles 2.5 and 97.5 of a bootstrap that draws clusters, not texts.

    Scores of two models aren't compared with each other. In every fold each kind of cluster is drawn anew with replacement,
    and a text weighs the product of its clusters' counts (the pigeonhole bootstrap: Owen, 2007, which errs towards wide
    intervals). Clusters of one label are drawn within it, so that both labels always occur.
    """
    rng = np.random.default_rng(seed)
    values, drawn = [], []
    for fold in folds:
        scores_N = np.asarray(fold.scores, dtype=np.float64)
        positive_N = np.asarray(fold.positive, dtype=bool)
        numbered = [_numbered(names) for names in fold.clusters]
        values.append(auc(scores_N, positive_N))
        drawn.append([auc(scores_N, positive_N, _weights(rng, numbered, positive_N)) for _ in range(draws)])
    low, high = np.nanpercentile(np.mean(drawn, axis=0), [2.5, 97.5])
    return Area(float(np.mean(values)), float(low), float(high))


def _numbered(names: Sequence[Hashable]) -> NDArray[np.int64]:
    order = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([order[name] for name in names])


def _weights(rng: np.random.Generator, numbered: Sequence[NDArray[np.int64]], positive_N: NDArray[np.bool_]) -> Floats:
    """How often each text was drawn: the product over its clusters."""
    weights_N = np.ones(len(positive_N))
    for cluster_N in numbered:
        count = int(cluster_N.max()) + 1
        times = np.zeros(count)
        held = np.zeros((2, count), dtype=bool)
        held[positive_N.astype(int), cluster_N] = True
        for strata in _strata(held):
            if len(strata):
                times += np.bincount(rng.choice(strata, len(strata)), minlength=count)
        weights_N *= times[cluster_N]
    return weights_N


def _strata(held: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Clusters of one label, of the other, and those that hold both."""
    neutral, biased = held
    return [np.flatnonzero(neutral & ~biased), np.flatnonzero(biased & ~neutral), np.flatnonzero(neutral & biased)]
