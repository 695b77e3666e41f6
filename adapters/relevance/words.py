"""BM25 over the texts given, in memory: nothing of them is kept."""

from collections.abc import Sequence

from domain.services.wording import folded, length, words_of


class Bm25Words:
    """Implements domain.ports.relevance.Relevance with bm25s (Lucene's variant: no word counts against a text).

    Only the question's words get a place in the index, the rest of a text counts by its length: that gives the numbers
    that an index of everything would, in a fraction of the time.
    """

    name = "bm25/1"

    def scores(self, query: str, documents: Sequence[str]) -> Sequence[float]:
        """0.0 for texts that say none of the words."""
        import bm25s  # type: ignore[import-untyped]  # noqa: PLC0415 - brings scipy, which an API that nobody asks for words need not load

        words = words_of(query)
        if not words or not documents:
            return [0.0] * len(documents)
        other = len(words)
        corpus: list[list[int]] = []
        for document in documents:
            text = folded(document)
            ids = [number for number, word in enumerate(words) for _ in range(word.count(text))]
            corpus.append(ids + [other] * max(1, length(text) - len(ids)))
        index = bm25s.BM25(method="lucene")
        vocabulary = {word.text: number for number, word in enumerate(words)} | {"": other}
        index.index((corpus, vocabulary), create_empty_token=False, show_progress=False)
        found = index.get_scores_from_ids(list(range(other)))
        return [0.0 if ids[0] == other else float(score) for score, ids in zip(found, corpus, strict=True)]
