"""An estimate of tokens that stays above what tokenisers need for English."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from adapters.relevance.tokens import EstimatedTokens

COUNT = EstimatedTokens().count
ROOT = Path(__file__).parents[2]
TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@given(TEXTS)
def test_no_estimate_passes_the_bytes_of_the_text(text):
    assert 0 <= COUNT(text) <= len(text.encode())


@given(st.lists(st.sampled_from(["sleep", "worry", "a", "42", "—", "schön", "睡"]), max_size=30))
def test_no_estimate_is_below_the_number_of_words(words):
    assert COUNT(" ".join(words)) >= len(words)


@given(TEXTS, TEXTS)
def test_more_text_never_counts_less(text, more):
    assert COUNT(f"{text}\n{more}") >= max(COUNT(text), COUNT(more))


def test_known_lengths():
    assert COUNT("") == 0
    assert COUNT("the") == 1
    assert COUNT("2026-11-02") == 10
    assert COUNT("steadier, again.\n") == 3 + 1 + 2 + 1 + 1
    assert COUNT("睡") == 3


@pytest.fixture(scope="module")
def small_tokeniser():
    """Byte-level BPE as GPT-2's, learned from what stands in these programs: a fraction of the pieces of those in use, and few of
    them a clinician's words, so it needs more for the same text.
    """
    tokeniser = Tokenizer(models.BPE())
    tokeniser.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokeniser.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=12_000, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    texts = [path for folder in ("domain", "adapters", "api", "ops") for path in ROOT.glob(f"{folder}/**/*.py")]
    tokeniser.train_from_iterator([path.read_text(encoding="utf-8") for path in sorted(texts)], trainer)
    return tokeniser


NOTE = """Arrived ten minutes late, out of breath, and apologised twice. The argument with her brother-in-law on Saturday
occupied most of the hour: he had questioned whether she was "really ill". We reconstructed the sequence of automatic
thoughts, rated the conviction (85 % before, 40 % after) and rehearsed an assertive reply. Dissociation for roughly twenty
seconds while describing the hospital corridor; grounding with the cold-water bottle worked. Continues sertraline 100 mg,
no hypomanic symptoms. Agreed: behavioural activation on Tuesday and Thursday, sleep diary, no alcohol before 20:00."""


def test_a_note_in_english_takes_fewer_than_estimated(small_tokeniser):
    assert len(small_tokeniser.encode(NOTE).ids) <= COUNT(NOTE) <= 2 * len(NOTE.split()) * 1.5


def test_prose_takes_fewer_than_estimated(small_tokeniser):
    pages = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("docs/decisions/*.md"))]
    shares = [len(small_tokeniser.encode(page).ids) / COUNT(page) for page in pages]
    assert max(shares) <= 1.0
