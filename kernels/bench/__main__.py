"""`python -m kernels.bench`: one command, this repository, torch and Triton."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path

NAMES = ("ffn", "route_and_shrink", "routed_hidden", "expand", "linear", "dispatch", "ffn-many")
MANY = {"dispatch", "ffn-many"}
"""For many experts: no small shapes of these are measured."""
PAGES = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"


def parsed(arguments: list[str] | None) -> argparse.Namespace:
    """The command line. Exits with 2 and a sentence when it makes no sense."""
    parser = argparse.ArgumentParser(
        prog="python -m kernels.bench",
        description="Right first, then fast: every exact contender is held to the reference in float64 before it is timed. "
        "Without a GPU nothing is timed; operations, bytes and errors are told. Exit status 1 when anything isn't right.",
    )
    parser.add_argument("--op", choices=NAMES, action="append", help="only this; may be given several times")
    parser.add_argument("--quick", action="store_true", help="small shapes only, about a minute")
    parser.add_argument(
        "--minutes", type=float, default=6.5, help="what hasn't begun by then is left out (default: 6.5)"
    )
    parser.add_argument("--cpu", action="store_true", help="count and compare on the CPU though there is a GPU")
    parser.add_argument("--json", type=Path, metavar="PATH", help="everything found, as JSON")
    parser.add_argument(
        "--write", action="store_true", help=f"text and JSON into {PAGES}, named by device, versions and commit"
    )
    found = parser.parse_args(arguments)
    if found.minutes <= 0:
        parser.error(f"--minutes is how long measuring may take, above 0, not {found.minutes}")
    if found.quick and found.op and set(found.op) <= MANY:
        parser.error(f"--quick measures small shapes, and {', '.join(found.op)} has none: leave one of the two away")
    if found.json is not None and not found.json.resolve().parent.is_dir():
        parser.error(f"--json: there is no folder {found.json.resolve().parent}: make it first")
    if found.write and not PAGES.is_dir():
        parser.error(f"--write: there is no folder {PAGES}, as outside a checkout: use --json PATH")
    return found


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def main(arguments: list[str] | None = None) -> int:
    """0 when all is right, 1 when something isn't, 2 when it can't start."""
    asked = parsed(arguments)
    if find_spec("torch") is None:
        sys.stderr.write("PyTorch isn't installed: pip install 'anamnesis[ml]'\n")
        return 2
    import torch

    gpu = torch.cuda.is_available() and not asked.cpu
    if asked.write and not gpu:
        sys.stderr.write(
            "--write keeps measured speeds, and without a GPU none is measured: use --json PATH for the counts\n"
        )
        return 2
    if not gpu:
        os.environ["TRITON_INTERPRET"] = "1"  # read when a kernel's module is imported, which nothing has done yet
    from kernels.bench.running import SUBJECTS, Options, run

    subjects = tuple(subject for subject in SUBJECTS if asked.op is None or subject.name in asked.op)
    options = Options(subjects, quick=asked.quick, minutes=asked.minutes)
    report = run(options, torch.device("cuda" if gpu else "cpu"), _say)
    sys.stdout.write(report.text())
    if asked.json is not None:
        report.write(asked.json)
    if asked.write:
        report.write(PAGES / f"{report.machine.key()}.json")
        (PAGES / f"{report.machine.key()}.txt").write_text(report.text(), encoding="utf-8")
    return 0 if report.right else 1


if __name__ == "__main__":
    sys.exit(main())
