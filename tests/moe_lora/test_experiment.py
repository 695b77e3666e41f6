"""The parts of the learning experiment: its text, its splits, its order of batches, its intervals and its stopping rule."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ml.experiments import base, corpora, data, domains, prose, report, runs, specialised, variants
from ml.experiments.specialisation import arguments, main
from ml.experiments.words import a, plural, sentence
from ml.moe_lora.routing import layers_of

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


@pytest.fixture(scope="module")
def untrained():
    return base.fresh(0).eval()


def test_all_variants_train_as_many_weights_but_for_the_router(untrained):
    sizes = {name: variants.trainable(variants.build(copy.deepcopy(untrained), name, 0)) for name in variants.VARIANTS}
    routers = 4 * 4 * 128  # layers, experts, width
    assert sizes["lora"] == sizes["random"] == sizes["uniform"]
    assert sizes["supervised"] == sizes["unsupervised"] == sizes["lora"] + routers


@pytest.mark.parametrize("name", list(variants.VARIANTS))
def test_a_fresh_variant_is_the_base(untrained, parts, name):
    tokens = parts["psychology"].train[:2]
    model = variants.build(copy.deepcopy(untrained), name, 0).eval()
    with torch.no_grad():
        # Weights of a token sum to 1 but for rounding.
        torch.testing.assert_close(model(input_ids=tokens).logits, untrained(input_ids=tokens).logits)


@pytest.fixture
def short(monkeypatch):
    """A run that looks at few windows."""
    monkeypatch.setattr(runs, "WATCHED", 1)
    monkeypatch.setattr(runs, "TESTED", 2)


def test_a_run_is_a_function_of_its_seed_and_leaves_the_base_as_it_was(untrained, parts, short):
    before = copy.deepcopy(untrained.state_dict())
    settings = runs.Settings(corpus="synthetic", steps=4, rate=3e-3)
    first, again, other = (runs.run(untrained, parts, "supervised", seed, settings) for seed in (0, 0, 1))
    assert first == again
    assert first.test != other.test
    assert [step for step, _ in first.curve] == [0, 1, 2, 3, 4]
    assert all(torch.equal(before[key], value) for key, value in untrained.state_dict().items())


@pytest.mark.parametrize("name", list(variants.VARIANTS))
def test_only_a_router_that_learns_changes(untrained, parts, short, name):
    model = variants.build(copy.deepcopy(untrained), name, 0)
    start = {layer.name: layer.router("default").clone() for layer in layers_of(model)}
    runs.train(model, parts, name, 0, runs.Settings(corpus="synthetic", steps=2, rate=3e-3))
    moved = [not torch.equal(start[layer.name], layer.router("default")) for layer in layers_of(model)]
    assert moved == [variants.VARIANTS[name].learned] * len(moved)


def test_an_expert_falls_silent_for_a_while(untrained, parts):
    model = variants.build(copy.deepcopy(untrained), "supervised", 0).eval()
    for layer in layers_of(model):
        for _, b in layer.factors("default").values():
            torch.nn.init.normal_(b)
    state = {key: value.clone() for key, value in model.state_dict().items()}
    tokens = parts["psychology"].train[:2]
    whole = base.evaluate(model, tokens)
    with specialised.silenced(model, {layer.name: 2 for layer in layers_of(model)}):
        assert base.evaluate(model, tokens) != whole
        silent = [
            (b == 0).flatten(1).all(1).tolist()
            for layer in layers_of(model)
            for _, b in layer.factors("default").values()
        ]
        assert silent == [[False, False, True, False]] * 12
    assert all(torch.equal(state[key], value) for key, value in model.state_dict().items())


def test_a_domains_expert_is_the_one_it_uses_more_than_others_do():
    shares = torch.tensor([[0.5, 0.5, 0.0], [0.4, 0.1, 0.5], [0.9, 0.1, 0.0]])
    assert specialised.experts_of(shares) == [1, 2, 0]


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=9, unique=True))
def test_an_interval_is_students(values):
    low, high = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    found = report.interval(values)
    assert found.mean - found.half == pytest.approx(low, abs=1e-9)
    assert found.mean + found.half == pytest.approx(high, abs=1e-9)


def test_one_seed_has_no_interval_and_a_difference_is_bold_only_away_from_zero():
    assert str(report.interval([1.0])) == "1.000"
    assert report.interval([-1.0, -1.1, -0.9]).signed() == "**-1.000 ± 0.248**"
    assert report.interval([-1.0, 1.0]).signed() == "+0.000 ± 12.706"


def test_differences_are_paired_by_seed():
    def result(variant, seed, loss):
        test = dict.fromkeys(data.DOMAINS, loss)
        return runs.Result("synthetic", variant, seed, 1, 1.0, 1, [(0, loss)], test, None, None)

    found = report.Runs(
        [result("lora", 1, 5.0), result("supervised", 0, 9.0), result("supervised", 1, 4.0), result("lora", 2, 1.0)]
    )
    assert found.paired("supervised", "lora", lambda one: runs.mean(one.test)) == [-1.0]


def test_own_and_others_are_the_diagonal_and_the_rest():
    assert report.own_and_others({"a": {"a": 3.0, "b": 1.0}, "b": {"a": 2.0, "b": 5.0}}) == (4.0, 1.5)


@pytest.mark.parametrize("option", ["--seeds", "--steps", "--base-steps"])
def test_a_count_below_one_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        arguments([option, "0"])
    assert f"{option} is 0: give 1 or more" in capsys.readouterr().err


def test_a_folder_without_the_data_is_refused_before_anything_is_trained(tmp_path, capsys):
    assert main(["--real-data", str(tmp_path / "nowhere"), "--out", str(tmp_path / "out")]) == 2
    assert "give the folder that holds it" in capsys.readouterr().err
