"""The benchmark of the kernels: it asks for the routing it says, times nothing that is wrong, and tells no speed of a CPU."""

import json
import os
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.bench import __main__ as command
from kernels.bench import rivals, running, timing
from kernels.bench.contender import Built, Contender, Unavailable
from kernels.bench.ffn import FFN, ours
from kernels.bench.gate import far, judge
from kernels.bench.machine import Machine, machine
from kernels.bench.operands import made
from kernels.bench.report import FORWARD, TRAINED, Check, Report, Row, aims_of
from kernels.bench.shapes import DECODE, DESIGN, GATE, SKEWS, SMALL, TINY, shares
from kernels.router import chosen, route

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")
REFERENCE = partial(ours, "reference")
SMALLEST = replace(TINY, tokens=13, width=16, inner=24)
MACHINE = Machine("NVIDIA H200 (80%)", "580", "2.13.0+cu130", "3.9.0", "none", "3.11.7", "abc123")


# Operands --------------------------------------------------------------------------------------------------------------


@given(skew=st.sampled_from(SKEWS), experts=st.integers(2, 64))
def test_shares_sum_to_one_and_the_first_expert_has_its_number(skew, experts):
    found = shares(skew, experts)
    assert len(found) == experts
    assert sum(found) == pytest.approx(1)
    assert all(share > 0 for share in found)
    if skew != SKEWS[0]:
        assert found[0] == int(skew.split("/")[0]) / 100


def test_four_experts_get_the_very_numbers():
    assert [[round(100 * share) for share in shares(skew, 4)] for skew in SKEWS] == [
        [int(number) for number in skew.split("/")] for skew in SKEWS
    ]


def test_one_expert_has_nothing_to_share():
    with pytest.raises(ValueError, match="1 expert leaves nothing to share"):
        shares("25/25/25/25", 1)


@settings(max_examples=20)
@given(
    skew=st.sampled_from(SKEWS),
    top_k=st.integers(1, 4),
    dtype=st.sampled_from([torch.float32, torch.bfloat16]),
    seed=st.integers(0, 2**31),
)
def test_first_choices_of_the_router_are_those_that_were_asked_for(skew, top_k, dtype, seed):
    torch.manual_seed(seed)
    shape = replace(GATE, tokens=200, top_k=top_k, dtype=dtype)
    at = made(shape, skew, CPU)
    logits, weights = route(at.x_TD, at.router_ED, top_k)
    first = Counter(logits.argmax(1).tolist())
    assert [first[expert] for expert in range(4)] == [round(200 * share) for share in shares(skew, 4)]
    assert (chosen(logits, top_k).sum(1) == top_k).all()
    assert ((weights > 0).sum(1) == top_k).all()


def test_further_choices_follow_the_shares_of_the_experts_that_are_left():
    torch.manual_seed(0)
    shape = replace(GATE, tokens=6000)
    at = made(shape, "40/30/20/10", CPU)
    logits, _ = route(at.x_TD, at.router_ED, 2)
    first, second = logits.topk(2, dim=1).indices.T
    after = Counter(second[first == 0].tolist())
    total = sum(after.values())
    assert [after[expert] / total for expert in (1, 2, 3)] == pytest.approx([3 / 6, 2 / 6, 1 / 6], abs=0.04)


@settings(max_examples=20)
@given(tokens=st.integers(1, 60), experts=st.integers(1, 6), seed=st.integers(0, 2**31))
def test_slots_of_an_expert_lie_together_in_groups_of_whole_blocks(tokens, experts, seed):
    torch.manual_seed(seed)
    picked = torch.rand(tokens, experts).topk(min(2, experts)).indices
    place, ends, rows = rivals.places(picked, experts)
    assert len(set(place.tolist())) == len(place)
    assert ends[-1] == rows
    assert all(end % rivals.ALIGNED == 0 for end in ends.tolist())
    starts = [0, *ends.tolist()[:-1]]
    for slot, expert in enumerate(picked.flatten().tolist()):
        assert starts[expert] <= place[slot] < ends[expert]


# The gate --------------------------------------------------------------------------------------------------------------


def changed(at, top_k, change):
    """The reference with its output changed."""
    built = REFERENCE(at, top_k)
    return Built(lambda p: tuple(change(output, at) for output in built.forward(p)), built.leaves)


def raising(at, top_k):
    raise RuntimeError("no kernel image is available")


WRONG = {
    "a little off": partial(changed, change=lambda y, at: y * 1.0001),
    "NaN in one place": partial(changed, change=lambda y, at: y.index_fill(0, torch.tensor([2]), torch.nan)),
    "a gradient is lost": partial(changed, change=lambda y, at: y + (at.x_TD - at.x_TD.detach())),
    "another shape": partial(changed, change=lambda y, at: y[:-1]),
    "raises": raising,
}


@pytest.mark.parametrize("fault", WRONG)
def test_what_is_wrong_does_not_pass(fault):
    verdict = judge(FFN, Contender(fault, WRONG[fault]), SMALLEST, CPU, torch.float32)
    assert not verdict.passed
    assert verdict.told().startswith("FAILED")


def test_what_is_right_passes_in_both_types_with_and_without_dropout():
    for dtype in (torch.float32, torch.bfloat16):
        verdict = judge(FFN, Contender("right", REFERENCE, masked=True), SMALLEST, CPU, dtype)
        assert verdict.passed, verdict.told()
        assert verdict.worst > 0


def test_masks_that_differ_show_where_masks_are_compared():
    def unmasked(at, top_k):
        built = REFERENCE(at, top_k)
        return Built(lambda _: built.forward(0.0), built.leaves)

    assert judge(FFN, Contender("unmasked", unmasked), SMALLEST, CPU, torch.float32).passed
    assert not judge(FFN, Contender("unmasked", unmasked, masked=True), SMALLEST, CPU, torch.float32).passed


@pytest.mark.parametrize("name", ["MixLoRA", "loop over experts", "grouped_mm"])
@pytest.mark.parametrize("experts", [4, 8])
def test_rivals_compute_the_same_function(name, experts):
    contender = {one.name: one for one in FFN.contenders}[name]
    verdict = judge(FFN, contender, replace(SMALLEST, experts=experts, top_k=3), CPU, torch.float32)
    assert verdict.passed, verdict.told()


def test_what_failed_is_not_timed_and_makes_the_run_fail():
    wrong = Contender("wrong", WRONG["a little off"], kinds=(torch.float32,))
    right = Contender("right", REFERENCE, kinds=(torch.float32,))
    other = Contender("another function", REFERENCE, exact=False)
    subject = replace(FFN, contenders=(wrong, right, other))
    run = running.Run(running.Options(), CPU, Report(MACHINE, ""), lambda _: None)
    assert run.contenders(subject) == [right, other]
    assert [verdict.passed for verdict in run.report.verdicts] == [False, True]
    assert not run.report.right
    assert "NOT RIGHT" in run.report.text()


def test_what_cannot_run_here_is_named_and_is_no_failure():
    def missing(at, top_k):
        raise Unavailable("no such library")

    run = running.Run(running.Options(), CPU, Report(MACHINE, ""), lambda _: None)
    assert run.contenders(replace(FFN, contenders=(Contender("absent", missing),))) == []
    assert run.report.right
    assert "absent: no such library" in run.report.text()


def test_an_error_is_measured_by_size_and_never_hides_nan():
    assert far(torch.tensor([3.0, 4.0]), torch.tensor([0.0, 0.0])) == 5
    assert far(torch.tensor([2.0]), torch.tensor([1.0])) == 1
    assert not far(torch.tensor([torch.nan]), torch.tensor([1.0])) <= 1e9


# Time and its telling --------------------------------------------------------------------------------------------------


def test_contenders_take_turns_forwards_and_backwards():
    assert timing.turns(["a", "b", "c"], 3) == [["a", "b", "c"], ["c", "b", "a"], ["a", "b", "c"]]


def test_a_spread_needs_two_samples_and_lies_between_them():
    found = timing.spread([float(sample) for sample in range(11)])
    assert (found.p20_ms, found.median_ms, found.p80_ms, found.rounds) == (2, 5, 8, 11)
    with pytest.raises(ValueError, match="1 samples have no spread"):
        timing.spread([1.0])


def test_the_whole_ffn_at_its_largest_comes_first_and_quick_stays_small():
    plan = running.planned(running.Options())
    assert (plan[0][0].name, plan[0][1]) == ("ffn", DESIGN)
    assert {subject.name for subject, _ in plan} == set(running.NAMES) == set(command.NAMES)
    quick = running.planned(running.Options(quick=True))
    assert {shape for _, shape in quick} == {SMALL, DECODE}
    assert {subject.name for subject, _ in quick} == set(command.NAMES) - command.MANY


def rows(times, peaks=None):
    """Of the FFN at its largest, from {(mode, skew, contender): ms}."""
    return [
        Row(
            "ffn", "4096", "T=16384", mode, skew, name, timing.Spread(ms, ms, ms, 9), peak_bytes=(peaks or {}).get(name)
        )
        for (mode, skew, name), ms in times.items()
    ]


def test_aims_are_judged_by_the_rows():
    even, last = SKEWS[0], SKEWS[-1]
    reached = {
        (FORWARD, even, "frozen"): 10.0,
        (FORWARD, even, "triton"): 10.4,
        (FORWARD, last, "triton"): 10.5,
        (FORWARD, even, "PEFT LoRA r=64"): 12.0,
        (FORWARD, even, "MixLoRA"): 30.0,
        (TRAINED, even, "frozen"): 20.0,
        (TRAINED, even, "triton"): 21.0,
    }
    aims = aims_of(rows(reached, {"triton": 1, "MixLoRA": 3}))
    assert [aim.held for aim in aims] == [True] * len(aims)
    assert len(aims) == 6
    missed = reached | {(FORWARD, even, "triton"): 12.5, (TRAINED, even, "triton"): 23.0}
    found = aims_of(rows(missed, {"triton": 2, "MixLoRA": 3}))
    assert [aim.held for aim in found] == [False] * len(found)
    assert aims_of([]) == []


def test_a_table_shows_times_notes_and_what_each_is_set_against():
    found = rows({(FORWARD, skew, name): ms for skew in SKEWS for name, ms in (("frozen", 10.0), ("triton", 10.5))})
    found.append(replace(found[0], contender="MixLoRA", time=None, note="out of memory"))
    found[1] = replace(found[1], flops=10**12, moved=10**9, floor_ms=2.1)
    report = Report(MACHINE, "counts", rows=found)
    report.rates = running.Rates(1e15, 4e12)
    text = report.text()
    line = next(line for line in text.splitlines() if line.startswith("triton  "))
    assert "10.500 ± 0.000" in line
    assert "1.050" in line
    assert "20 %" in line
    assert "out of memory" in text
    assert "1,000 TFLOP/s" in text
    assert json.loads(json.dumps(report.facts()))["rows"][1]["share_of_roofline"] == pytest.approx(0.2)


def test_a_check_that_does_not_hold_fails_the_run_and_a_missed_aim_does_not():
    assert not Report(MACHINE, "", checks=[Check("capture", held=False, told="it waits")]).right
    assert Report(MACHINE, "", aims=[Check("speed", held=False, told="1.2")]).right


def test_a_report_is_kept_under_a_name_any_file_system_takes():
    assert MACHINE.key() == "nvidia-h200--80---torch2.13.0+cu130-triton3.9.0-abc123"
    assert machine(CPU).torch == torch.__version__


# The command -----------------------------------------------------------------------------------------------------------


def bench(*arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-m", "kernels.bench", "--cpu", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment,
    )


def test_on_a_cpu_it_counts_and_compares_and_tells_no_speed(tmp_path):
    kept = tmp_path / "found.json"
    done = bench("--op", "expand", "--json", str(kept))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Speed isn't measured on a CPU" in done.stdout
    assert "1.000 x the frozen FFN's" in done.stdout
    assert "ok      expand: reference, bfloat16" in done.stdout
    found = json.loads(kept.read_text())
    assert found["right"]
    assert found["rows"] == found["aims"] == []
    assert found["rates"] is None
    assert all(check["held"] for check in found["checks"])
    assert {"device", "driver", "torch", "triton", "commit"} <= set(found["machine"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--minutes", "0"], "above 0, not 0.0"),
        (["--op", "attention"], "invalid choice: 'attention'"),
        (["--json", "/nowhere/at/all.json"], "there is no folder /nowhere/at"),
        (["--quick", "--op", "dispatch"], "dispatch has none"),
        (["--write"], "without a GPU none is measured"),
    ],
)
def test_a_command_line_without_sense_is_refused_in_a_sentence(arguments, said):
    done = bench(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_product_s_own_command_hands_on_arguments_and_status():
    done = subprocess.run(
        [sys.executable, "-m", "ops.cli", "bench", "kernels", "--minutes", "-1"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert "above 0, not -1.0" in done.stderr


# With a GPU ------------------------------------------------------------------------------------------------------------


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_kernels_can_be_captured_and_what_waits_for_the_host_can_not():
    shape = replace(GATE, dtype=torch.bfloat16)
    built = ours("triton", made(shape, SKEWS[0], "cuda"), 2)
    assert timing.replays(built, built.directions()) <= 2e-2
    # In a process of its own: a capture that fails leaves the generator of random numbers unusable.
    code = (
        "from kernels.bench import rivals, shapes, timing\n"
        "from kernels.bench.operands import made\n"
        "waiting = rivals.mixlora(made(shapes.GATE, shapes.SKEWS[0], 'cuda'), 2)\n"
        "try: timing.replays(waiting, waiting.directions())\n"
        "except RuntimeError: print('it waits')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert "it waits" in done.stdout, done.stderr


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_on_a_gpu_time_memory_and_rates_are_measured():
    device = torch.device("cuda")
    report = running.run(running.Options((running.OPERATIONS[2],), quick=True, seconds=0.1), device, lambda _: None)
    assert report.right, report.text()
    assert report.rates is not None
    assert all(row.time and row.time.median_ms > 0 for row in report.rows)
    assert {row.contender for row in report.rows} == {"reference", "triton"}
