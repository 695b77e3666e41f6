"""The parts of the learning experiment: its text, its splits, its order of batches, its intervals and its stopping rule."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ml.experiments import base, corpora, data, domains, prose
from ml.experiments.words import a, plural, sentence

DOMAIN = st.sampled_from(data.DOMAINS)


@pytest.fixture(scope="module")
def tokenizer():
    return data.tokenizer_of(prose.document(0, number) for number in range(200))


@pytest.fixture(scope="module")
def parts(tokenizer):
    documents = {name: [domains.document(name, 0, number) for number in range(120)] for name in data.DOMAINS}
    return data.by_domain(tokenizer, documents)


@given(DOMAIN, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_document_is_a_function_of_seed_and_number(name, seed, number):
    assert domains.document(name, seed, number) == domains.document(name, seed, number)
    assert prose.document(seed, number) == prose.document(seed, number)


@given(DOMAIN, st.integers(0, 10_000))
def test_a_document_speaks_of_a_theme_that_all_domains_share(name, number):
    text = domains.document(name, 0, number)
    assert any(theme in text or noted in text for theme, (_, noted) in domains.THEMES.items())
    assert "{" not in text
    assert "  " not in text


@given(st.integers(0, 10_000))
def test_the_plan_of_a_note_follows_from_its_score(number):
    text = domains.document("mental_health", 0, number)
    score = int(text.split("Today ")[1].split("/")[0])
    _, band, plan, review = next(row for row in domains.BANDS if score <= row[0])
    assert f"({band}).\nChange" in text
    assert f"Plan: {plan}. Review in {review}." in text


@given(st.integers(0, 10_000))
def test_a_claim_is_a_stereotype_exactly_when_it_judges_a_group(number):
    for case in domains.document("bias_detection", 0, number).splitlines()[:-1]:
        claim, trait = case.split('"')[1].lower(), case.split("TRAIT=")[1].split()[0]
        said_of_all = next(
            whole for quantifier, whole in domains.QUANTIFIERS.items() if claim.startswith(f"{quantifier} ")
        )
        assert ("LABEL=stereotype" in case) == (domains.TRAITS[trait][0] and said_of_all)


@given(st.integers(0, 10_000))
def test_a_therapist_gives_back_the_feeling_and_the_person(number):
    said, answer = domains.document("general_therapeutic", 0, number).splitlines()[:2]
    feeling = said.split("I feel so ")[1].split(",")[0]
    assert f"You feel {domains.FEELINGS[feeling][0]}," in answer
    assert said.split(", and my ")[1].split()[0] in answer


@given(st.text())
def test_every_text_is_in_one_split(text):
    assert data.split_of(text) == data.split_of(text)
    assert data.split_of(text) in {"train", "validation", "test"}


def test_splits_hold_about_seven_one_and_two_tenths():
    found = [data.split_of(str(number)) for number in range(4000)]
    assert [round(found.count(name) / 4000, 1) for name in ("train", "validation", "test")] == [0.7, 0.1, 0.2]


def test_the_same_document_twice_is_one_document(tokenizer):
    document = prose.document(0, 1)
    once, twice = (data.split(tokenizer, [document] * times) for times in (1, 20))
    assert all(torch.equal(getattr(once, name), getattr(twice, name)) for name in ("train", "validation", "test"))


@given(st.text(max_size=200))
def test_any_text_survives_the_tokenizer(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text or data.END in text


def test_batches_are_the_same_for_a_seed_and_hold_each_domain_equally(parts):
    first, again, other = (data.batches(parts, seed, 2) for seed in (3, 3, 4))
    for _ in range(40):
        tokens, labels = next(first)
        assert torch.equal(tokens, next(again)[0])
        assert labels.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        for number, part in enumerate(parts.values()):
            assert all((part.train == row).all(1).any() for row in tokens[labels == number])
    assert not torch.equal(next(first)[0], next(other)[0])


def test_a_window_comes_again_only_when_its_domain_is_used_up(parts):
    name, part = "psychology", parts["psychology"]
    seen = torch.cat([tokens for (tokens, _), _ in zip(data.batches({name: part}, 0, 1), part.train, strict=False)])
    assert sorted(map(tuple, seen.tolist())) == sorted(map(tuple, part.train.tolist()))


@given(st.lists(st.floats(0.1, 10.0), min_size=1, max_size=30))
def test_validation_is_flat_after_as_many_looks_without_an_improvement_as_stated(losses):
    progress = base.Progress(step=0, stage=0, best=math.inf, stale=0, history=[])
    flat = [base.judge(progress, loss) for loss in losses]
    best = math.inf
    stale = 0
    for loss, told in zip(losses, flat, strict=True):
        stale = 0 if loss < best * (1 - base.MINIMUM) else stale + 1
        best = min(best, loss)
        assert told == (stale >= base.PATIENCE)


def test_a_topic_belongs_to_one_domain():
    topics = [topic for listed in corpora.TOPICS.values() for topic in listed]
    assert len(topics) == len(set(topics))
    assert tuple(corpora.TOPICS) == data.DOMAINS


def test_a_question_under_two_topics_is_one_document(tmp_path):
    (tmp_path / "dialogue").mkdir()
    (tmp_path / corpora.COUNSEL_CHAT).write_text(
        "questionTitle,questionText,topic,answerText\nWhy?,I ask,anxiety,First\nWhy?,I ask,marriage,Second\nWhy?,I ask,anxiety,First\n"
    )
    assert corpora.counsel_chat(tmp_path) == {"mental_health": ["Why?\nI ask\n\nFirst\n\nSecond"]}


def test_two_transcripts_of_a_video_are_one_document(tmp_path):
    (tmp_path / "dialogue").mkdir()
    (tmp_path / corpora.ANNOMI).write_text(
        "video_url,interlocutor,utterance_text\nv,therapist,Hello\nv,client, Hi \nw,client,No\n"
    )
    assert corpora.annomi(tmp_path) == ["Therapist: Hello\nClient: Hi", "Client: No"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(corpora.DataMissing, match=r"dialogue/annomi-simple\.csv"):
        corpora.annomi(tmp_path)


@pytest.mark.parametrize(
    ("noun", "many"),
    [("letter", "letters"), ("box", "boxes"), ("baby", "babies"), ("left-handed person", "left-handed people")],
)
def test_a_plural_bends_its_last_word(noun, many):
    assert plural(noun) == many


def test_a_sentence_has_a_capital_and_one_full_stop():
    assert [sentence(text) for text in ("so be it", '"is it?" he asked', "who?")] == [
        "So be it.",
        '"Is it?" he asked.',
        "Who?",
    ]
    assert a("apple") == "an apple"
