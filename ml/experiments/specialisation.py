"""`python -m ml.experiments.specialisation`: does MoE-LoRA learn, against a LoRA of its size and controls of its router?

Everything is a function of the arguments: text, base, batches and adapters. Runs that are done are kept in the folder and
not done again, so that an interrupted comparison goes on where it stopped. It writes results.json and tables.md.
"""

import argparse
import json
import logging
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ml.experiments import base, corpora, data, report
from ml.experiments.runs import Result, Settings, by_domain, run, tested_of
from ml.experiments.variants import VARIANTS


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m ml.experiments.specialisation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="runs of every variant, numbered from --first-seed")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=150, help="steps of an adaptation")
    parser.add_argument("--rate", type=float, default=6e-3, help="the highest learning rate of an adaptation")
    parser.add_argument("--base-steps", type=int, default=4500, help="a bound on the base's steps; it stops once flat")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument("--real-data", type=Path, help="the data folder; without it, generated text alone")
    parser.add_argument("--out", type=Path, default=Path("moe-lora-learning"), help="where base and results are kept")
    options = parser.parse_args(given)
    for name in ("seeds", "steps", "base_steps"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} is {getattr(options, name)}: give 1 or more")
    return options


def machine() -> dict[str, Any]:
    """Where the numbers come from."""
    facts = Path("/proc/cpuinfo").read_text(encoding="utf-8") if Path("/proc/cpuinfo").is_file() else ""
    models = [line.split(":", 1)[1].strip() for line in facts.splitlines() if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "gpu": "none",
        "versions": {name: version(name) for name in ("torch", "transformers", "peft", "tokenizers")} | {"python": platform.python_version()},
    }  # fmt: skip


class Bench:
    """A base, texts by corpus and domain, and the folder that keeps what is done."""

    def __init__(self, out: Path, real_data: Path | None, base_steps: int) -> None:
        out.mkdir(parents=True, exist_ok=True)
        documents = data.general(real_data)
        tokenizer = data.tokenizer_of(text for text in documents if data.split_of(text) == "train")
        self.out = out
        self.base, self.progress = base.train(
            data.split(tokenizer, documents), out / "base.pt", seed=0, ceiling=base_steps
        )
        texts = {"synthetic": data.synthetic()}
        if real_data:
            texts["dialogue"] = corpora.dialogue(real_data)
        self.parts = {corpus: data.by_domain(tokenizer, texts[corpus]) for corpus in texts}

    def result(self, variant: str, seed: int, settings: Settings) -> Result:
        """The result kept of these settings, else of a run made now and kept."""
        path = self.out / f"{settings.corpus}-{variant}-{seed}.json"
        if path.is_file():
            kept = json.loads(path.read_text(encoding="utf-8"))
            if (kept["steps"], kept["rate"]) == (settings.steps, settings.rate):
                return Result(**kept)
        found = run(self.base, self.parts[settings.corpus], variant, seed, settings)
        path.write_text(json.dumps(asdict(found)), encoding="utf-8")
        return found

    def write(self, results: Sequence[Result]) -> None:
        """results.json and tables.md."""
        before = {corpus: by_domain(self.base, tested_of(parts)) for corpus, parts in self.parts.items()}
        found = {"machine": machine(), "base": {**vars(self.progress), "test": before}}
        # A line a run, so that two files can be compared.
        runs = ",\n".join(json.dumps(asdict(result)) for result in results)
        text = f'{json.dumps(found)[:-1]}, "runs": [\n{runs}\n]}}\n'
        (self.out / "results.json").write_text(text, encoding="utf-8")
        texts = [
            report.tables(corpus, [result for result in results if result.corpus == corpus], before[corpus])
            for corpus in self.parts
        ]
        (self.out / "tables.md").write_text("\n\n".join(texts) + "\n", encoding="utf-8")


def main(given: Sequence[str] | None = None) -> int:
    """Train the base, make all runs, write the tables."""
    options = arguments(given)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", stream=sys.stderr)
    # One thread: the order of sums, and with it every number, doesn't depend on how many cores are free.
    torch.set_num_threads(1)
    try:
        bench = Bench(options.out, options.real_data, options.base_steps)
    except corpora.DataMissing as missing:
        sys.stderr.write(f"{missing}\n")
        return 2
    results = [
        bench.result(variant, seed, Settings(corpus, options.steps, options.rate))
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for corpus in bench.parts
        for variant in options.variants
    ]
    bench.write(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
