"""Labelled texts: what is held out was never seen, and neither group nor frame tells the label."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.bias.clauses import BIASED, FRAMES, NEUTRAL
from ml.bias.groups import FairnessDataMissing, Group, read_groups, split_groups, words_of
from ml.bias.texts import article, split_texts, spoken, templates

MAN = (("man", "men"),)


def test_every_sentence_names_the_group_and_stands_once():
    clauses = [one.clause for one in templates()]
    assert len(set(clauses)) == len(clauses) == 128
    assert all(("{person}" in clause) != ("{people}" in clause) for clause in clauses)
    assert {len(kind) for kind in (*BIASED.values(), *NEUTRAL.values())} == {16}
    assert all(frame.count("{clause}") == 1 for frames in FRAMES.values() for frame in frames)


def test_groups_are_read_without_names_that_are_no_neutral_mention(small_data):
    groups = {group.descriptor: group for group in read_groups(small_data)}
    assert len(groups) == 12
    assert not {"lowly", "Northern", "blarg", "curly", "drunkard"} & set(groups)
    assert groups["island"].nouns == (("woman", "women"),)
    assert groups["valley"].nouns == (("woman", "women"), ("man", "men"), ("person", "people"))


def test_a_folder_without_the_files_is_refused_with_their_names(tmp_path):
    with pytest.raises(FairnessDataMissing, match=r"holds no holistic-bias-descriptors\.json: put the JSON files"):
        read_groups(tmp_path)


@given(
    names=st.lists(
        st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=3).map("-".join), unique=True, max_size=25
    ),
    share=st.floats(0, 1),
    seed=st.integers(0, 99),
)
def test_seen_and_held_out_groups_share_no_word(names, share, seed):
    groups = [Group("axis", name, MAN) for name in names]
    seen, new = split_groups(groups, share, seed)
    assert Counter(seen + new) == Counter(groups)
    assert len(new) <= share * len(groups)
    assert not {w for one in seen for w in words_of(one.descriptor)} & {
        w for one in new for w in words_of(one.descriptor)
    }


@pytest.mark.parametrize("fold", [0, 1, 2])
def test_what_is_held_out_never_occurs_in_training(small_data, fold):
    split = split_texts(small_data, fold, train=400, test=120)
    clauses, groups = ({one.clause for one in split.train}, {one.group.descriptor for one in split.train})
    for corner, texts in split.tests().items():
        assert ("held-out templates" in corner) == clauses.isdisjoint(one.clause for one in texts)
        assert ("held-out groups" in corner) == groups.isdisjoint(one.group.descriptor for one in texts)
        assert not {one.text for one in texts} & {one.text for one in split.train}
        assert {one.kind for one in texts} == {*BIASED, *NEUTRAL}


def test_over_all_folds_each_sentence_is_held_out_once(small_data):
    held = [
        {one.clause for one in split_texts(small_data, fold, train=40, test=600).new_templates} for fold in range(3)
    ]
    assert sum(map(len, held)) == len(set().union(*held)) == 128


def test_the_labels_are_even_and_frames_and_groups_go_with_both(small_data):
    texts = split_texts(small_data, 0, train=2000).train
    assert sum(one.biased for one in texts) == 1000
    for of in (lambda one: one.register, lambda one: one.group.descriptor):
        shares = Counter(of(one) for one in texts if one.biased)
        for name, count in Counter(map(of, texts)).items():
            assert shares[name] / count == pytest.approx(0.5, abs=5 * 0.5 / count**0.5)


def test_the_same_seed_composes_the_same_texts_and_another_one_others(small_data):
    assert split_texts(small_data, 1) == split_texts(small_data, 1)
    assert split_texts(small_data, 1).train != split_texts(small_data, 1, seed=1).train


def test_a_fold_that_there_is_not_is_refused(small_data):
    for fold, folds in ((3, 3), (-1, 3), (0, 1)):
        with pytest.raises(ValueError, match=f"Fold {fold} of {folds}"):
            split_texts(small_data, fold, folds)


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("tall man", "a"), ("upland man", "an"), ("European man", "a"), ("85-year-old man", "an"), ("45-year-old man", "a"),
        ("LGBT person", "an"), ("FoC person", "a"), ("US-born man", "a"), ("Unitarian man", "a"), ("unhoused man", "an"),
        ("Asian man", "an"), ("one-percenter man", "a"),
    ],
)  # fmt: skip
def test_the_article_is_what_one_says(phrase, expected):
    assert article(phrase) == expected


def test_a_sentence_begins_with_a_capital_where_a_sentence_begins():
    group = Group("places", "upland", MAN)
    assert spoken("{people} came", "Session 4. {clause}.", group, MAN[0]) == "Session 4. Upland men came."
    assert spoken("{person} came", "Item: {clause}.", group, MAN[0]) == "Item: an upland man came."
    assert spoken("I saw {person}", "Well, {clause}.", group, MAN[0]) == "Well, I saw an upland man."


def test_the_published_descriptors_are_read(real_data: Path):
    folder = real_data / "fairness"
    if not folder.is_dir():
        pytest.skip(f"no fairness data at {folder}")
    groups = read_groups(folder)
    everything = json.loads((folder / "holistic-bias-descriptors.json").read_text("utf-8"))
    assert 300 < len(groups) < sum(len(part) for axis in everything.values() for part in axis.values())
    assert len({group.axis for group in groups}) >= 11
    assert all(group.nouns for group in groups)
    seen, new = split_groups(groups, 0.25, Random(3).randrange(100))
    assert len(new) > 0.15 * len(groups)
    assert len(seen) > len(new)
