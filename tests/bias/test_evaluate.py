"""The command of the evaluation runs on little data, and says what it lacks."""

import json

import numpy as np
import pytest
import torch

from ml.bias.auc import auc
from ml.bias.evaluate import CONTROL, evaluate, main, tables
from ml.bias.model import BATCH, load_base, train_base, train_experts, train_head
from ml.bias.texts import split_texts

pytestmark = pytest.mark.filterwarnings("ignore:`(is_)?gradient_checkpointing:FutureWarning")


@pytest.fixture(autouse=True)
def threads_as_they_were():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_all_methods_and_corners_are_told_as_tables_and_numbers(small_data):
    results = evaluate(small_data, 2, 0, draws=20, train=64, test=40)
    assert list(results["auc"])[-1] == CONTROL
    assert {len(corners) for corners in results["auc"].values()} == {4}
    assert all(
        0 <= area["low"] <= area["high"] <= 1 for corners in results["auc"].values() for area in corners.values()
    )
    shown = tables(results)
    assert all(f"| {method} |" in shown for method in results["auc"])
    assert json.loads(json.dumps(results)) == results


def test_a_detector_learns_what_it_is_shown_and_repeats_itself(small_data):
    shown = [one for one in split_texts(small_data, 0).train if one.kind in {"derogatory", "self"}][:BATCH]
    texts, labels = [one.text for one in shown], [one.biased for one in shown]
    base = train_base(texts, 0, epochs=2)
    scores = train_experts(base, shown, labels, 0, epochs=12).scores(texts)
    assert auc(np.array(scores), np.array(labels)) > 0.9
    head = [train_head(base, shown, labels, 0, epochs=1).scores(texts[:9]) for _ in range(2)]
    assert head[0] == head[1]


def test_a_base_from_a_folder_is_used_as_it_is(small_data, tmp_path):
    texts = [one.text for one in split_texts(small_data, 0, train=64, test=20).train]
    base = train_base(texts, 0, epochs=1)
    base.model.save_pretrained(tmp_path)
    base.tokeniser.save(str(tmp_path / "tokenizer.json"))
    loaded = load_base(tmp_path)
    batch = base.batch(texts[:3])
    assert all(torch.equal(batch[name], value) for name, value in loaded.batch(texts[:3]).items())
    assert torch.equal(loaded.model(**batch).logits, base.model.eval()(**batch).logits)
    with pytest.raises(ValueError, match=r"holds no config\.json and tokenizer\.json"):
        load_base(tmp_path / "elsewhere")


def test_the_command_says_what_it_lacks(tmp_path, capsys):
    assert main(["--data", str(tmp_path)]) == 2
    assert (
        "holds no holistic-bias-descriptors.json: put the JSON files of HolisticBias there" in capsys.readouterr().err
    )
