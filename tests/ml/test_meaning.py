"""Nearness in meaning by an encoder of the machine's own: a tiny one with random weights, made here."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from ml.meaning import MeaningEncoder, MeaningModelUnusable

WORDS = ["sleep", "was", "short", "work", "is", "long", "she", "walked", "home", "again"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-encoder"
    vocabulary = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokeniser = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokeniser.pre_tokenizer = pre_tokenizers.Whitespace()
    tokeniser.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokeniser, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(4)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=40,
    )
    BertModel(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def encoder(folder):
    return MeaningEncoder(folder)


def test_a_text_is_nearest_to_itself(encoder):
    texts = ["sleep was short", "work is long", "she walked home again"]
    for place, text in enumerate(texts):
        scores = encoder.scores(text, texts)
        assert max(range(3), key=scores.__getitem__) == place
        assert scores[place] == pytest.approx(1.0, abs=1e-5)
        assert all(-1.00001 <= score <= 1.00001 for score in scores)


def test_neither_padding_nor_company_changes_a_score(encoder):
    alone = encoder.scores("sleep", ["sleep was short"])
    together = encoder.scores("sleep", ["sleep was short", *["she walked home again and again"] * 40])
    assert together[0] == pytest.approx(alone[0], abs=1e-5)
    assert len(together) == 41


def test_texts_beyond_what_the_model_reads_are_cut(encoder):
    assert encoder.scores("sleep", ["work " * 5000])[0] == pytest.approx(encoder.scores("sleep", ["work " * 500])[0])


def test_nothing_asked_or_nothing_there(encoder):
    assert encoder.scores(" ", ["work"]) == [0.0]
    assert encoder.scores("work", []) == []


def test_its_name_tells_the_model(encoder):
    assert encoder.name == "meaning/tiny-encoder"


def test_folders_without_safe_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickled")
    with pytest.raises(MeaningModelUnusable) as refused:
        MeaningEncoder(tmp_path)
    assert str(tmp_path) not in str(refused.value)


def test_a_broken_model_says_so_at_the_first_question(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(MeaningModelUnusable):
        MeaningEncoder(tmp_path).scores("sleep", ["work"])


def test_torch_is_loaded_by_the_first_question_and_the_network_by_none(folder):
    code = (
        "import sys, socket\n"
        "def refuse(*_): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from pathlib import Path\n"
        "from ml.meaning import MeaningEncoder\n"
        "encoder = MeaningEncoder(Path(sys.argv[1]))\n"
        "before = 'torch' in sys.modules\n"
        "print(before, len(encoder.scores('sleep', ['work'])), 'torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    assert done.stdout.split() == ["False", "1", "True"], done.stderr[-2000:]
