"""BM25 over texts in memory, in any script."""

import bm25s
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.relevance.words import Bm25Words
from domain.services.wording import WORDS_MOST, folded, sentences, words_of

WORDS = Bm25Words()
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=200)


def best(query, *documents):
    scores = WORDS.scores(query, documents)
    return max(range(len(documents)), key=scores.__getitem__)


def test_a_text_without_the_words_scores_nothing():
    scores = WORDS.scores("sleep", ["Sleep was better.", "Talked about work.", "He sleeps badly; sleep is short."])
    assert scores[1] == 0.0
    assert scores[2] > scores[0] > 0.0


def test_rare_words_count_more_than_common_ones():
    assert best("sleep lighthouse", "sleep sleep here", "a lighthouse here", "sleep there", "sleep again") == 1


def test_short_texts_are_nearer_than_long_ones_that_say_it_once():
    assert best("panic", "panic " + "and so on " * 50, "panic at work") == 1


def test_case_plural_and_encoding_do_not_matter():
    (scores,) = [WORDS.scores("WORRIES café", ["the worry", "cafe\u0301", "nothing"])]
    assert scores[0] > 0
    assert scores[1] > 0
    assert scores[2] == 0.0


def test_words_are_whole_words():
    assert WORDS.scores("art", ["start of the party", "the art of it"])[0] == 0.0


def test_german_and_chinese_are_found():
    assert best("Schlafstörung Straße", "über Arbeit", "die SCHLAFSTÖRUNG und die STRASSE") == 1
    assert best("失眠", "我们谈了工作。", "他说失眠很严重。") == 1
    assert WORDS.scores("失眠", ["睡眠很好"])[0] == 0.0


def test_questions_of_empty_words_alone_still_find_them():
    assert WORDS.scores("the", ["the end", "an end"])[0] > 0
    assert [word.text for word in words_of("what about the sleep")] == ["about", "sleep"]


def test_nothing_asked_or_nothing_there():
    assert WORDS.scores("", ["a text"]) == [0.0]
    assert WORDS.scores("…!?", ["a text"]) == [0.0]
    assert WORDS.scores("sleep", []) == []
    assert WORDS.scores("sleep", [""]) == [0.0]


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(TEXTS, max_size=8))
def test_any_text_gives_the_same_finite_numbers_twice(query, documents):
    scores = WORDS.scores(query, documents)
    assert list(scores) == list(WORDS.scores(query, documents))
    assert len(scores) == len(documents)
    assert all(0.0 <= score < 1e6 for score in scores)
    said = [any(word.count(folded(text)) for word in words_of(query)) for text in documents]
    assert [score > 0 for score in scores] == said


@given(TEXTS)
def test_words_of_a_text_are_found_in_it(text):
    found = words_of(text)
    assert len(found) <= WORDS_MOST
    assert all(word.count(folded(text)) for word in found)


@given(TEXTS)
def test_sentences_leave_nothing_out(text):
    assert "".join("".join(sentences(text)).split()) == "".join(text.split())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from(["sleep", "panic", "work", "rain", "tea"]), min_size=1), min_size=1, max_size=12),
    st.sets(st.sampled_from(["sleep", "panic", "moon"]), min_size=1),
)
def test_scores_are_those_of_a_library_that_indexes_every_word(texts, asked):
    vocabulary = {word: number for number, word in enumerate(["sleep", "panic", "work", "rain", "tea", "moon"])}
    index = bm25s.BM25(method="lucene")
    ids = [[vocabulary[word] for word in text] for text in texts]
    index.index((ids, vocabulary), create_empty_token=False, show_progress=False)
    expected = index.get_scores_from_ids([vocabulary[word] for word in asked])
    scores = WORDS.scores(" ".join(sorted(asked)), [" ".join(text) for text in texts])
    assert list(scores) == pytest.approx(list(expected), abs=1e-5)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("I slept well. “Really?” she said!", ["I slept well.", "“Really?”", "she said!"]),
        ("one\ntwo", ["one", "two"]),
        ("他睡得好。我们谈了。", ["他睡得好。", "我们谈了。"]),
        ("  ", []),
    ],
    ids=["quotes", "lines", "chinese", "blank"],
)
def test_sentences_end_where_people_end_them(text, parts):
    assert sentences(text) == parts
