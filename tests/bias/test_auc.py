"""The area under the curve and its interval, against counting pairs and against what is known of the draw."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bias.auc import Scored, area, auc
from ml.bias.words import BagOfWords


def by_pairs(scores, positive, weights):
    """The chance that a positive scores above a negative, pair by pair."""
    won = total = 0.0
    for i, a in enumerate(scores):
        for j, b in enumerate(scores):
            if positive[i] and not positive[j]:
                won += weights[i] * weights[j] * ((a > b) + (a == b) / 2)
                total += weights[i] * weights[j]
    return won / total if total else float("nan")


@given(
    rows=st.lists(st.tuples(st.integers(-3, 3), st.booleans(), st.integers(0, 3)), min_size=1, max_size=25),
)
def test_the_area_is_the_share_of_pairs_in_the_right_order_ties_as_halves(rows):
    scores, positive, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = auc(scores.astype(float), positive, weights.astype(float))
    assert found == pytest.approx(by_pairs(scores, positive, weights), nan_ok=True)


def drawn(rng, templates, each, spread):
    """Texts of templates whose scores lie together, labels unrelated to scores."""
    level = rng.normal(size=templates) * spread
    names = np.repeat(np.arange(templates), each)
    scores = level[names] + rng.normal(size=len(names))
    return Scored(list(scores), list(names % 2 == 0), [list(names), list(rng.integers(0, 20, len(names)))])


def test_the_interval_covers_one_half_when_scores_say_nothing_but_templates_resemble_themselves():
    rng = np.random.default_rng(1)
    intervals = [area([drawn(rng, 20, 20, 2.0)], draws=100, seed=n) for n in range(40)]
    assert sum(one.low <= 0.5 <= one.high for one in intervals) >= 34  # 95 % of 40 is 38
    texts = drawn(rng, 20, 20, 2.0)
    naive = area(
        [Scored(texts.scores, texts.positive, [list(range(400))])], draws=100
    )  # as if texts had nothing in common
    assert naive.high - naive.low < 0.6 * np.mean([one.high - one.low for one in intervals])


def test_folds_are_averaged_and_their_scores_never_compared():
    one = Scored([0.0, 1.0], [False, True], [["a", "b"]])
    far = Scored([100.0, 101.0], [False, True], [["c", "d"]])
    assert area([one, far], draws=20).value == 1.0
    back = Scored([1.0, 0.0], [False, True], [["a", "b"]])
    assert area([one, back], draws=20).value == 0.5


def test_words_alone_tell_what_words_tell_and_nothing_of_their_order():
    texts = ["red fox ran", "red cat sat", "blue fox ran", "blue cat sat"] * 5
    bag = BagOfWords(texts, [text.startswith("red") for text in texts])
    red, blue, turned = bag.scores(["red dog", "blue dog", "dog red"])
    assert red > 0 > blue
    assert red == turned
    order = ["man bites dog", "dog bites man"] * 5
    labels = [text.startswith("man") for text in order]
    assert auc(np.array(BagOfWords(order, labels).scores(order)), np.array(labels)) == 0.5
    assert auc(np.array(BagOfWords(order, labels, pairs=True).scores(order)), np.array(labels)) == 1.0


def test_the_fit_is_the_minimum_of_the_penalised_loss():
    texts = ["a b", "a c", "b c", "a b c", "c", "b"] * 2
    labels = [True, True, False, True, False, False] * 2
    bag = BagOfWords(texts, labels, decay=0.1)
    wrong = np.array([1 / (1 + np.exp(-s)) for s in bag.scores(texts)]) - np.array(labels)
    assert abs(wrong.sum()) < 1e-4  # the gradient of the free term
