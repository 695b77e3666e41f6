"""How near texts are to a question, and how long they are for a model."""

from collections.abc import Sequence
from typing import Protocol


class Relevance(Protocol):
    """Two kinds stand behind it: words (BM25, always there) and meaning (an encoder, where one is configured)."""

    @property
    def name(self) -> str:
        """What an item says it was chosen by, with the version: `bm25/1`, `meaning/<model>`."""

    def scores(self, query: str, documents: Sequence[str]) -> Sequence[float]:
        """One number a document, 0.0 for no relation, higher is nearer. The same input gives the same numbers; nothing of
        it is kept.
        """


class TokenCounter(Protocol):
    @property
    def name(self) -> str:
        """Which tokeniser, or `estimate/1`."""

    def count(self, text: str) -> int:
        """Tokens that `text` takes in a prompt; an estimate must not be lower than common tokenisers of English give."""
