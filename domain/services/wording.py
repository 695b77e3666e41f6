"""Words of a question and sentences of a text, in any script: what relevance and excerpts are made from.

Words are compared without case (Unicode case folding, NFKC) and, in Latin script, without the plural's ending (Harman's
S-stemmer, J. Am. Soc. Inf. Sci. 42(1), 1991). Scripts written without spaces are compared by pairs of characters.
"""

import re
from dataclasses import dataclass
from typing import Final
from unicodedata import normalize

WORDS_MOST: Final = 32
"""Words of a question that count; more say nothing sharper and cost time."""
_RUN: Final = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
_UNSPACED_RANGES: Final = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
_UNSPACED: Final = re.compile(f"[{_UNSPACED_RANGES}]+")
_LETTER: Final = f"[^\\W_{_UNSPACED_RANGES}]"
_SENTENCE_END: Final = re.compile(
    "(?:(?<=[.!?\u2026])|(?<=[.!?\u2026][\"'\u201d\u2019)\\]]))\\s+|(?<=[\u3002\uff01\uff1f])|\n+"
)
# They say nothing of what is asked for; a question of nothing else keeps them.
_EMPTY: Final = frozenset(
    (  # noqa: SIM905 - a hundred words read better as text
        "a an and are as at be been but by did do does for from had has have he her his how i if in into is it its me my "
        "no not of on or our she so that the their them then there they this to us was we were what when where which who "
        "why will with you your "
        "aber als am an auch auf aus bei bin das dem den der des die ein eine einem einen einer er es für hat ich ihr im "
        "in ist ja mein mit nach nicht noch nur ob oder sich sie sind so und uns vom von vor war was wenn wer wie wir "
        "zu zum zur"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a question, folded; `pattern` finds it in folded text, which holds `stem` wherever it does."""

    text: str
    stem: str
    pattern: "re.Pattern[str]"

    def count(self, folded_text: str) -> int:
        # Most texts don't say most words, and a plain search is many times faster.
        return len(self.pattern.findall(folded_text)) if self.stem in folded_text else 0


def folded(text: str) -> str:
    """For comparison: what differs by case or by how it is encoded becomes the same."""
    return text.lower() if text.isascii() else normalize("NFKC", text).casefold()


def words_of(question: str) -> tuple[Word, ...]:
    """Its words, each once, in order, at most WORDS_MOST; words without content are passed over if there are others."""
    found: dict[str, Word] = {}
    for run in _RUN.findall(folded(question)):
        for text in _parts(run):
            found.setdefault(text, _word(text))
    telling = [word for word in found.values() if word.text not in _EMPTY] or list(found.values())
    return tuple(telling[:WORDS_MOST])


def sentences(text: str) -> list[str]:
    """Whole sentences and lines, none of them blank; together all that the text says."""
    pieces = (piece.strip() for piece in _SENTENCE_END.split(text))
    return [piece for piece in pieces if piece]


def length(folded_text: str) -> int:
    """How many words it has, near enough to compare texts by; a character of an unspaced script counts as one."""
    spaced = folded_text.count(" ") + 1
    if folded_text.isascii():
        return spaced
    return spaced + sum(len(run) for run in _UNSPACED.findall(folded_text))


def _parts(run: str) -> list[str]:
    """The run itself; of an unspaced script its pairs of characters, and what stands between in other scripts."""
    if run.isascii() or not _UNSPACED.search(run):
        return [_singular(run)]
    parts: list[str] = []
    for unspaced in _UNSPACED.findall(run):
        parts += [unspaced[i : i + 2] for i in range(max(1, len(unspaced) - 1))]
    return parts + [_singular(rest) for rest in _UNSPACED.split(run) if rest]


def _singular(word: str) -> str:
    if len(word) < 4 or not word.isascii():
        return word
    if word.endswith("ies") and word[-4] not in "ea":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word


def _word(text: str) -> Word:
    """The pattern begins with literal characters, which lets the engine leap to them: look-behind comes after."""
    if _UNSPACED.match(text):
        return Word(text, text, re.compile(re.escape(text)))
    stem, endings = (text[:-1], "(?:y|ies)") if text.endswith("y") and len(text) > 3 else (text, "(?:s|es)?")
    known = re.escape(stem)
    return Word(text, stem, re.compile(f"{known}(?<!{_LETTER}{known}){endings}(?!{_LETTER})"))
