"""A small Llama of our own, trained on general text until validation flattens."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import LlamaConfig, LlamaForCausalLM

from ml.experiments.data import LENGTH, VOCABULARY, Windows

log = logging.getLogger(__name__)

BATCH: Final = 16
WARM_UP: Final = 100
EVERY: Final = 100
"""Steps between two looks at validation."""
MINIMUM: Final = 0.005
"""An improvement of validation loss, relative to the best, that counts as one."""
PATIENCE: Final = 3
"""Looks without such an improvement after which validation is flat."""
RATES: Final = (2e-3, 5e-4)
"""Learning rates: flat under the last one ends the training."""


@dataclass
class Progress:
    """Where a training stands; `history` holds (step, validation loss)."""

    step: int
    stage: int
    best: float
    stale: int
    history: list[tuple[int, float]]


def fresh(seed: int) -> LlamaForCausalLM:
    """An untrained model: 4 layers, width 128, gated FFN of 384, embeddings tied."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=128,
            intermediate_size=384,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=2 * LENGTH,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=None,
        )
    )


def loss_of(model: nn.Module, tokens_BS: Tensor) -> Tensor:
    """Mean cross-entropy of each next token, in nats."""
    logits_BSV = model(input_ids=tokens_BS, use_cache=False).logits
    return functional.cross_entropy(logits_BSV[:, :-1].flatten(0, 1).float(), tokens_BS[:, 1:].flatten())


def parts_of(windows_NS: Tensor) -> list[Tensor]:
    """The windows in batches, the last one perhaps smaller."""
    return [windows_NS[at : at + BATCH] for at in range(0, len(windows_NS), BATCH)]


@torch.no_grad()
def evaluate(model: nn.Module, windows_NS: Tensor) -> float:
    """Mean loss over the windows, dropout off; the mode of the model is put back."""
    training = model.training
    model.eval()
    losses = [float(loss_of(model, part)) * len(part) for part in parts_of(windows_NS)]
    model.train(training)
    return math.fsum(losses) / len(windows_NS)


def judge(progress: Progress, loss: float) -> bool:
    """Take note of a validation loss; whether it has been flat for PATIENCE looks."""
    progress.history.append((progress.step, loss))
    improved = loss < progress.best * (1 - MINIMUM)
    progress.stale = 0 if improved else progress.stale + 1
    progress.best = min(progress.best, loss)
    return progress.stale >= PATIENCE


def _save(path: Path, progress: Progress, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    state: dict[str, Any] = {
        "progress": vars(progress),
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)


def train(general: Windows, path: Path, *, seed: int, ceiling: int) -> tuple[LlamaForCausalLM, Progress]:
    """Train a base to the end, or on from the checkpoint at `path`. `ceiling` bounds its steps.

    Validation is looked at every EVERY steps. Once PATIENCE looks in a row were not MINIMUM better than the best before, the
    rate falls to the next of RATES; after the last, training ends. Batches are a function of seed and step.
    """
    model = fresh(seed).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATES[0], betas=(0.9, 0.95), weight_decay=0.01)
    progress = Progress(step=0, stage=0, best=math.inf, stale=0, history=[])
    if path.is_file():
        state = torch.load(path, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        progress = Progress(**state["progress"])
    while progress.stage < len(RATES) and progress.step < ceiling:
        _step(model, optimizer, general.train, progress, seed)
        if progress.step % EVERY == 0:
            loss = evaluate(model, general.validation[:128])
            log.info("base: step %d, validation %.4f, rate %g", progress.step, loss, RATES[progress.stage])
            if judge(progress, loss):
                progress.stage, progress.stale = progress.stage + 1, 0
            _save(path, progress, model, optimizer)
    return model.eval(), progress


def _step(
    model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, windows_NS: Tensor, progress: Progress, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed * 1_000_003 + progress.step)
    rows = torch.randint(len(windows_NS), (BATCH,), generator=generator)
    for group in optimizer.param_groups:
        group["lr"] = RATES[progress.stage] * min(1.0, (progress.step + 1) / WARM_UP)
    loss = loss_of(model, windows_NS[rows])
    loss.backward()  # type: ignore[no-untyped-call]  # torch's own signature has no types
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    progress.step += 1
