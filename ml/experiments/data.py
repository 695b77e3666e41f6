"""From documents to windows of tokens: splits by document, a tokenizer, batches in an order that a seed decides."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch import Tensor

from ml.experiments import corpora, domains, prose

DOMAINS: Final = ("psychology", "mental_health", "bias_detection", "general_therapeutic")
Split = Literal["train", "validation", "test"]
END: Final = "<end>"
VOCABULARY: Final = 1024
LENGTH: Final = 128
"""Tokens in a window."""
GENERATED: Final = 6000
"""Documents of general prose."""
OF_A_DOMAIN: Final = 1500
"""Generated documents of each domain."""


@dataclass(frozen=True)
class Windows:
    """Tokens [N, LENGTH] of each split; for domains, one such a domain."""

    train: Tensor
    validation: Tensor
    test: Tensor


def split_of(document: str) -> Split:
    """The split of a document, decided by its text: 7 of 10 to train, 1 to validation, 2 to the test.

    The same text twice falls into one split, so nothing tested was learnt word for word.
    """
    digit = int.from_bytes(hashlib.sha256(document.encode()).digest()[:8], "big") % 10
    return "train" if digit < 7 else "validation" if digit == 7 else "test"


def tokenizer_of(documents: Iterable[str]) -> Tokenizer:
    """A byte-level BPE tokenizer of VOCABULARY tokens: it reads any text, and learns its merges from these documents."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    return tokenizer


def windows(tokenizer: Tokenizer, documents: Iterable[str]) -> Tensor:
    """The documents end to end, each closed by END, cut into windows [N, LENGTH]; what is left over is dropped."""
    end = tokenizer.token_to_id(END)
    tokens = [token for encoding in tokenizer.encode_batch(list(documents)) for token in (*encoding.ids, end)]
    whole = len(tokens) // LENGTH * LENGTH
    return torch.tensor(tokens[:whole], dtype=torch.long).view(-1, LENGTH)


def split(tokenizer: Tokenizer, documents: Iterable[str]) -> Windows:
    """Windows of each split; documents are ordered by their hash, so that neighbours are no accident of a file."""
    parts: dict[Split, list[str]] = {"train": [], "validation": [], "test": []}
    for document in sorted(dict.fromkeys(documents), key=lambda text: hashlib.sha256(text.encode()).digest()):
        parts[split_of(document)].append(document)
    return Windows(**{name: windows(tokenizer, texts) for name, texts in parts.items()})


def general(folder: Path | None) -> list[str]:
    """What the base model learns: generated prose and, with a data folder, its general text."""
    generated = [prose.document(0, number) for number in range(GENERATED)]
    return generated + (corpora.general(folder) if folder else [])


def synthetic() -> dict[str, list[str]]:
    """Generated documents of the four domains."""
    return {name: [domains.document(name, 0, number) for number in range(OF_A_DOMAIN)] for name in DOMAINS}


def by_domain(tokenizer: Tokenizer, documents: dict[str, list[str]]) -> dict[str, Windows]:
    """Windows of each domain, in the order of DOMAINS."""
    return {name: split(tokenizer, documents[name]) for name in DOMAINS}


def batches(parts: dict[str, Windows], seed: int, each: int) -> Iterator[tuple[Tensor, Tensor]]:
    """For ever: tokens [B, LENGTH] and domains [B], `each` windows of every domain; a domain is shuffled anew once used up."""
    generator = torch.Generator().manual_seed(seed)
    queues = {name: torch.empty(0, dtype=torch.long) for name in parts}
    while True:
        rows = []
        for name, part in parts.items():
            while len(queues[name]) < each:
                queues[name] = torch.cat([queues[name], torch.randperm(len(part.train), generator=generator)])
            rows.append(part.train[queues[name][:each]])
            queues[name] = queues[name][each:]
        yield torch.cat(rows), torch.arange(len(parts)).repeat_interleave(each)
