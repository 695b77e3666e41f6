"""`python -m ml.bias.evaluate`: how well biased statements are told from neutral mentions, on what was never trained on.

Prints the tables of docs/bias.md. On a CPU, with one thread, a run repeats its numbers.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from random import Random
from typing import Any, Final

import numpy as np
import torch

from ml.bias.auc import Area, Scored, area
from ml.bias.groups import FairnessDataMissing
from ml.bias.model import load_base, train_base, train_experts, train_head
from ml.bias.texts import Split, Template, Text, split_texts, templates
from ml.bias.words import BagOfWords

Part = tuple[Sequence[Text], Sequence[float]]
"""The texts of a corner in one fold, and what a method scored them."""
Scorer = Callable[[Sequence[str]], list[float]]
BOTH: Final = "held-out templates, held-out groups"
CONTROL: Final = "experts and head, labels shuffled"


def scorers_of(split: Split, seed: int, base_folder: Path | None = None) -> dict[str, Scorer]:
    """Everything that is compared, trained on the split's training texts alone."""
    labels = [one.biased for one in split.train]
    shuffled = Random(seed).sample(labels, len(labels))  # noqa: S311 - a control, no secret
    texts = [one.text for one in split.train]
    base = train_base(texts, seed) if base_folder is None else load_base(base_folder)
    return {
        "bag of words": BagOfWords(texts, labels).scores,
        "bag of words and pairs": BagOfWords(texts, labels, pairs=True).scores,
        "head on the frozen base": train_head(base, split.train, labels, seed).scores,
        "experts and head": train_experts(base, split.train, labels, seed).scores,
        CONTROL: train_experts(base, split.train, shuffled, seed).scores,
    }


def evaluate(
    folder: Path, folds: int, seed: int, base_folder: Path | None = None, draws: int = 400, **sizes: int
) -> dict[str, Any]:
    """AUCs by method and corner, by kind of text, and what neutral texts score by axis. Raises FairnessDataMissing."""
    scored: dict[str, dict[str, list[Part]]] = {}
    for fold in range(folds):
        split = split_texts(folder, fold, folds, seed=seed, **sizes)
        for method, scorer in scorers_of(split, seed + fold, base_folder).items():
            for corner, texts in split.tests().items():
                found = scorer([one.text for one in texts])
                scored.setdefault(method, {}).setdefault(corner, []).append((texts, found))
    return {
        "auc": {
            method: {corner: asdict(_area(parts, draws)) for corner, parts in corners.items()}
            for method, corners in scored.items()
        },
        "auc_by_kind": {method: _by_kind(corners[BOTH], draws) for method, corners in scored.items()},
        "neutral_above_median_biased": {method: _by_axis(corners[BOTH]) for method, corners in scored.items()},
    }


def _area(parts: Sequence[Part], draws: int) -> Area:
    return area(
        [
            Scored(
                found,
                [one.biased for one in texts],
                [[one.clause for one in texts], [one.group.descriptor for one in texts]],
            )
            for texts, found in parts
        ],
        draws,
    )


def _by_kind(parts: Sequence[Part], draws: int) -> dict[str, dict[str, float]]:
    """AUC of each kind against all texts of the other label."""
    found = {}
    for template in {one.kind: one for one in templates()}.values():
        against = [_against(part, template) for part in parts]
        if held := [part for part in against if any(one.kind == template.kind for one in part[0])]:
            found[template.kind] = asdict(_area(held, draws))
    return found


def _against(part: Part, template: Template) -> Part:
    """Texts of the template's kind, and all of the other label."""
    places = [n for n, one in enumerate(part[0]) if one.kind == template.kind or one.biased is not template.biased]
    return [part[0][n] for n in places], [part[1][n] for n in places]


def _by_axis(parts: Sequence[Part]) -> dict[str, dict[str, float]]:
    """Share of neutral texts about each axis that score above the fold's median biased text: alarms that strike groups unevenly."""
    counts: dict[str, list[int]] = {}
    for texts, found in parts:
        bar = float(np.median([score for one, score in zip(texts, found, strict=True) if one.biased]))
        for one, score in zip(texts, found, strict=True):
            if not one.biased:
                entry = counts.setdefault(one.group.axis, [0, 0])
                entry[0] += score > bar
                entry[1] += 1
    return {axis: {"share": above / texts, "texts": texts} for axis, (above, texts) in sorted(counts.items())}


def tables(results: dict[str, Any]) -> str:
    """The results as Markdown."""
    corners = list(next(iter(results["auc"].values())))
    kinds = list(next(iter(results["auc_by_kind"].values())))
    lines = [f"| | {' | '.join(corners)} |", "|---" * (len(corners) + 1) + "|"]
    lines += [
        f"| {method} | {' | '.join(_shown(found[corner]) for corner in corners)} |"
        for method, found in results["auc"].items()
    ]
    lines += ["", f"| {BOTH} | {' | '.join(kinds)} |", "|---" * (len(kinds) + 1) + "|"]
    lines += [
        f"| {method} | {' | '.join(_shown(found[kind]) for kind in kinds)} |"
        for method, found in results["auc_by_kind"].items()
    ]
    axes = results["neutral_above_median_biased"]["experts and head"]
    lines += ["", "| axis | neutral texts | above the median biased text |", "|---|---|---|"]
    lines += [f"| {axis} | {of['texts']} | {of['share']:.2f} |" for axis, of in axes.items()]
    return "\n".join(lines) + "\n"


def _shown(found: dict[str, float]) -> str:
    return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from a command line. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ml.bias.evaluate", description=__doc__)
    home = Path(os.environ.get("ANAMNESIS_REAL_DATA", "."))
    parser.add_argument("--data", type=Path, default=home / "fairness", help="folder with HolisticBias's JSON files")
    parser.add_argument("--base", type=Path, help="folder with a causal language model, instead of one trained here")
    parser.add_argument(
        "--folds", type=int, default=3, help="a fold holds out this part of sentences, frames and groups"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=int, default=2000, help="texts trained on in a fold")
    parser.add_argument("--test", type=int, default=600, help="texts in each corner of a fold")
    parser.add_argument("--json", type=Path, help="also write all numbers there")
    asked = parser.parse_args(arguments)
    torch.set_num_threads(1)
    began, used = time.monotonic(), time.process_time()
    try:
        results = evaluate(asked.data, asked.folds, asked.seed, asked.base, train=asked.train, test=asked.test)
    except (FairnessDataMissing, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        return 2
    sys.stdout.write(tables(results))
    sys.stdout.write(f"\n{time.monotonic() - began:.0f} s, of these {time.process_time() - used:.0f} s on one core\n")
    if asked.json is not None:
        asked.json.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
