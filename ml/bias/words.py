"""The control that knows words but no order: logistic regression over a bag of words."""

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import torch
from torch import Tensor

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


class BagOfWords:
    """L2-regularised logistic regression over which words (and pairs of neighbours, if asked) occur in a text."""

    def __init__(
        self, texts: Sequence[str], labels: Sequence[bool], *, pairs: bool = False, decay: float = 1e-3
    ) -> None:
        """Fit to the minimum. What occurs in fewer than two texts is left out."""
        self._pairs = pairs
        counts = Counter(term for text in texts for term in self._terms(text))
        self._columns = {term: n for n, term in enumerate(sorted(t for t, count in counts.items() if count > 1))}
        self._weights = torch.zeros(len(self._columns) + 1, dtype=torch.float64, requires_grad=True)
        x_NW, y_N = self._table(texts), torch.tensor(labels, dtype=torch.float64)
        steps = torch.optim.LBFGS([self._weights], max_iter=200, line_search_fn="strong_wolfe")

        def loss() -> Tensor:
            steps.zero_grad()
            crossed = torch.nn.functional.binary_cross_entropy_with_logits(self._logits(x_NW), y_N)
            total = crossed + decay * self._weights[1:].square().sum() / 2
            total.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
            return total

        steps.step(loss)  # type: ignore[no-untyped-call]  # as above

    @torch.no_grad()
    def scores(self, texts: Sequence[str]) -> list[float]:
        """Log-odds of being biased, one a text."""
        found: list[float] = self._logits(self._table(texts)).tolist()
        return found

    def _logits(self, x_NW: Tensor) -> Tensor:
        summed: Tensor = torch.sparse.mm(x_NW, self._weights[1:, None])[:, 0] + self._weights[0]
        return summed

    def _terms(self, text: str) -> set[str]:
        words = _WORD.findall(text.lower())
        return {*words, *(f"{a} {b}" for a, b in pairwise(words) if self._pairs)}

    def _table(self, texts: Sequence[str]) -> Tensor:
        places = [
            (row, self._columns[t])
            for row, text in enumerate(texts)
            for t in sorted(self._terms(text) & self._columns.keys())
        ]
        at_2N = torch.tensor(places, dtype=torch.int64).reshape(-1, 2).T
        ones_N = torch.ones(at_2N.shape[1], dtype=torch.float64)
        return torch.sparse_coo_tensor(
            at_2N, ones_N, (len(texts), len(self._columns)), check_invariants=True
        ).coalesce()
