"""A small language model trained here on unlabelled texts, or one from a folder, and the bias head upon it, with and without routed experts."""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from peft import get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from ml.bias.texts import Text
from ml.moe_lora import MoeLoraConfig
from ml.moe_lora.bias_head import BiasHead, judge, pooled
from ml.moe_lora.losses import total_loss

PAD: Final = 0
VOCABULARY: Final = 1200
LONGEST: Final = 96
"""Tokens of a text that are read; the longest composed here has fewer."""
WIDTH: Final = 96
BATCH: Final = 64
_NOT_A_TARGET: Final = -100
"""What Hugging Face's language-model loss leaves out."""


@dataclass(frozen=True, slots=True)
class Base:
    """A language model and the tokeniser that it was trained with."""

    model: Any
    """As transformers loads or PEFT wraps it."""
    tokeniser: Tokenizer

    def batch(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """input_ids, attention_mask and labels [B, S], padded on the right."""
        rows = [torch.tensor(one.ids[:LONGEST]) for one in self.tokeniser.encode_batch(list(texts))]
        ids_BS = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
        real_BS = nn.utils.rnn.pad_sequence([torch.ones_like(row) for row in rows], batch_first=True)
        return {
            "input_ids": ids_BS,
            "attention_mask": real_BS,
            "labels": ids_BS.masked_fill(real_BS == 0, _NOT_A_TARGET),
        }


@dataclass(frozen=True, slots=True)
class Detector:
    """A base, with an adapter or without, and the head that was trained upon it."""

    base: Base
    head: BiasHead

    @torch.inference_mode()
    def scores(self, texts: Sequence[str]) -> list[float]:
        """Log-odds of being biased, one a text."""
        self.base.model.eval()
        found: list[float] = []
        for at in range(0, len(texts), 4 * BATCH):
            batch = self.base.batch(texts[at : at + 4 * BATCH])
            found += judge(self.base.model, self.head.eval(), **batch).logits_BC[:, 0].tolist()
        return found


def train_base(texts: Sequence[str], seed: int, epochs: int = 3) -> Base:
    """A Llama of two layers, about half a million weights, trained to continue the texts; it sees no label."""
    torch.manual_seed(seed)
    tokeniser = _tokeniser(texts)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=tokeniser.get_vocab_size(), hidden_size=WIDTH, intermediate_size=2 * WIDTH, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=LONGEST, pad_token_id=PAD, bos_token_id=None, eos_token_id=None,
            tie_word_embeddings=True,
        )
    )  # fmt: skip
    base = Base(model, tokeniser)
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    order = _batches(len(texts), epochs, seed)
    for chosen in _cooled(order, optimiser):
        loss = model(**base.batch([texts[n] for n in chosen]), use_cache=False).loss
        _step(loss, optimiser)
    return base


def load_base(folder: Path) -> Base:
    """The causal language model and tokeniser that `save_pretrained` left in a folder of this machine; nothing is fetched and
    no code of the folder is run. Raises ValueError where there is none.
    """
    if not (folder / "config.json").is_file() or not (folder / "tokenizer.json").is_file():
        raise ValueError(
            f"{folder} holds no config.json and tokenizer.json: name a folder with a causal language model."
        )
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    model.requires_grad_(False)
    return Base(model, Tokenizer.from_file(str(folder / "tokenizer.json")))


def train_head(base: Base, texts: Sequence[Text], labels: Sequence[bool], seed: int, epochs: int = 8) -> Detector:
    """The head alone, upon the frozen base."""
    torch.manual_seed(seed)
    head = BiasHead(base.model.config.hidden_size, detached=True)
    base.model.eval()
    optimiser = torch.optim.AdamW(head.parameters(), lr=1e-2, weight_decay=0.01)
    with torch.no_grad():  # the base doesn't change: its pooled states are computed once
        states = [_pooled(base, texts[at : at + BATCH]) for at in range(0, len(texts), BATCH)]
    truth_N = torch.tensor(labels, dtype=torch.int64)
    parts = [(state, truth_N[n * BATCH : (n + 1) * BATCH]) for n, state in enumerate(states)]
    for (chosen,) in _cooled(_batches(len(parts), epochs, seed, 1), optimiser):
        pooled_B1D, truth_B = parts[chosen]
        _step(head.loss(head(pooled_B1D), truth_B), optimiser)
    return Detector(base, head)


def train_experts(base: Base, texts: Sequence[Text], labels: Sequence[bool], seed: int, epochs: int = 2) -> Detector:
    """Routed experts in every FFN of the frozen base and the head upon them, from the language-model and the head's loss."""
    torch.manual_seed(seed)
    model = get_peft_model(deepcopy(base.model), MoeLoraConfig(r=8, lora_alpha=16, domain_weight=0.0, bias_weight=1.0))
    tuned = Base(model, base.tokeniser)
    head = BiasHead(base.model.config.hidden_size)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW([*trained, *head.parameters()], lr=3e-3, weight_decay=0.01)
    truth_N = torch.tensor(labels, dtype=torch.int64)
    model.train()
    for chosen in _cooled(_batches(len(texts), epochs, seed), optimiser):
        batch = tuned.batch([texts[n].text for n in chosen])
        judged = judge(model, head, use_cache=False, **batch)
        bias = head.loss(judged.logits_BC, truth_N[chosen])
        _step(total_loss(model, judged.outputs.loss, batch["attention_mask"], bias_loss=bias), optimiser)
    return Detector(tuned, head)


def _tokeniser(texts: Sequence[str]) -> Tokenizer:
    """Byte pairs, so that no name is unknown; learnt from the texts alone."""
    tokeniser = Tokenizer(models.BPE())
    tokeniser.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokeniser.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=["<pad>"], initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )  # fmt: skip
    tokeniser.train_from_iterator(texts, trainer)
    return tokeniser


def _pooled(base: Base, texts: Sequence[Text]) -> Tensor:
    """[B, 1, D]: a text as one state, whose mean is itself."""
    batch = base.batch([one.text for one in texts])
    hidden_BSD = base.model(**batch, output_hidden_states=True, use_cache=False).hidden_states[-1]
    return pooled(hidden_BSD, batch["attention_mask"])[:, None]


def _batches(count: int, epochs: int, seed: int, size: int = BATCH) -> list[list[int]]:
    generator = torch.Generator().manual_seed(seed)
    found: list[list[int]] = []
    for _ in range(epochs):
        order = torch.randperm(count, generator=generator)
        found += [order[at : at + size].tolist() for at in range(0, count, size)]
    return found


def _cooled(batches: Sequence[list[int]], optimiser: torch.optim.Optimizer) -> Iterator[list[int]]:
    """The batches, while the learning rate falls to zero in a straight line."""
    highest = [group["lr"] for group in optimiser.param_groups]
    for done, batch in enumerate(batches):
        for group, rate in zip(optimiser.param_groups, highest, strict=True):
            group["lr"] = rate * (1 - done / len(batches))
        yield batch


def _step(loss: Tensor, optimiser: torch.optim.Optimizer) -> None:
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
    optimiser.step()
