"""`anamnesis bench trends`: how often the rule for trends is wrong, how often it sees what is there, and what it costs.

Clients are simulated who come once a week, give or take a day, and skip every tenth week. Their scores move about a true
course by an error of the size that the questionnaire is known for, or half as much again; each resembles the one before
it by a first-order autocorrelation of so much a week; then they are rounded and kept on the scale, as scores are.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from time import perf_counter
from typing import Annotated, Final, Self
from uuid import UUID

import numpy as np
import typer

from domain.instruments import instrument
from domain.progress.engagement import wilson
from domain.progress.report import Observation, Source, Trend, TrendClass
from domain.progress.trend import trend
from domain.progress.yardstick import STATE, Better, Yardstick
from domain.services.observations import scale_of
from ops.bench import machine
from ops.bench.results import percentile
from ops.console import voice

LENGTHS: Final = (5, 8, 12, 26, 52)
CORRELATIONS: Final = (0.0, 0.2, 0.4, 0.6)
NOISES: Final = (1.0, 1.5)
RUNS: Final = 3_000
_START: Final = datetime(2024, 1, 1, 10, tzinfo=UTC)
_SOURCE: Final = Source(kind="measure", id=UUID(int=1), positions=(1,))
_SKIPPED: Final = 0.1
_CALM, _ILL = 14.0, 20.0
_DIRECTED: Final = (TrendClass.IMPROVING, TrendClass.REGRESSING)
_CASELOAD: Final = 400
"""Two questionnaires each of 200 clients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What is simulated: `slope` in points a session on average, along a straight line over the dates; `noise` in standard
    errors of measurement.
    """

    length: int
    correlation: float
    noise: float = 1.0
    slope: float = 0.0
    start: float = _CALM

    @property
    def change(self) -> float:
        """From first to last, in points."""
        return self.slope * (self.length - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the rule said of so many clients; `missed` counts intervals of the slope that leave out the true one."""

    runs: int
    verdicts: "Counter[TrendClass]"
    missed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many of the runs ended so, with a 95 % interval (Wilson, 1927)."""

    hits: int
    runs: int

    def told(self) -> str:
        interval = wilson(self.hits, self.runs)
        if interval is None:
            return ""
        return f"{self.hits / self.runs:.1%} ({interval.low:.1%} to {interval.high:.1%})".replace("%", " %")


class Clients:
    """Simulates courses of one questionnaire, the same ones for the same seed."""

    def __init__(self, seed: int, key: str = "phq-9") -> None:
        self.seed = seed
        self._chance = np.random.default_rng(seed)
        scale = scale_of(instrument(key))
        self.yardstick: Yardstick = scale.yardstick
        self._least, self._most = scale.least, scale.most
        self._error = scale.yardstick.error or 0.0

    @classmethod
    def of_states(cls, seed: int) -> Self:
        """Ratings of a named state, 0 to 10, that scatter by two points: nobody has measured their error."""
        clients = cls(seed)
        clients.yardstick = Yardstick(threshold=STATE, important=STATE, better=Better.LOWER, known=False)
        clients._least, clients._most, clients._error = 0.0, 10.0, 2.0
        return clients

    def observe(self, course: Course) -> list[Observation]:
        """One client's scores."""
        chance = self._chance
        weeks = np.cumsum(chance.geometric(1 - _SKIPPED, course.length)) + chance.uniform(-1, 1, course.length) / 7
        gaps = np.diff(weeks, prepend=weeks[0])
        shocks = chance.normal(size=course.length)
        moved = np.empty(course.length)
        before = moved[0] = shocks[0]
        for place in range(1, course.length):
            tie = course.correlation ** gaps[place]
            before = moved[place] = tie * before + (1 - tie * tie) ** 0.5 * shocks[place]
        true = course.start + course.change * (weeks - weeks[0]) / (weeks[-1] - weeks[0])
        scores = np.clip(np.round(true + self._error * course.noise * moved), self._least, self._most)
        return [
            Observation(at=_START + timedelta(weeks=week), value=score, source=_SOURCE)
            for week, score in zip(weeks.tolist(), scores.tolist(), strict=True)
        ]

    def judge(self, course: Course, runs: int) -> Outcome:
        """How often the rule said what."""
        verdicts: Counter[TrendClass] = Counter()
        missed = 0
        for _ in range(runs):
            observations = self.observe(course)
            told = trend(observations, self.yardstick)
            verdicts[told.verdict] += 1
            slope = course.change / ((observations[-1].at - observations[0].at) / timedelta(weeks=1))
            missed += told.interval is not None and not told.interval.low <= slope <= told.interval.high
        return Outcome(runs=runs, verdicts=verdicts, missed=missed)


def false_alarms(clients: Clients, runs: int) -> Iterator[tuple[Course, Outcome]]:
    """Verdicts on clients who do not change, for every length, autocorrelation and size of error."""
    for noise in NOISES:
        for correlation in CORRELATIONS:
            for length in LENGTHS:
                course = Course(length=length, correlation=correlation, noise=noise)
                yield course, clients.judge(course, runs)


def power(clients: Clients, runs: int) -> Iterator[tuple[Course, Outcome]]:
    """Verdicts on clients who get better by one point a session over twelve."""
    for noise in NOISES:
        for correlation in CORRELATIONS:
            course = Course(length=12, correlation=correlation, noise=noise, slope=-1.0, start=_ILL)
            yield course, clients.judge(course, runs)


def small_changes(clients: Clients, runs: int) -> Iterator[tuple[Course, Outcome]]:
    """Verdicts on clients whose true course changes by exactly the minimal important difference: not to be called stable."""
    for correlation in CORRELATIONS:
        for length in LENGTHS:
            slope = -clients.yardstick.important / (length - 1)
            yield (
                (course := Course(length=length, correlation=correlation, slope=slope, start=_ILL)),
                clients.judge(course, runs),
            )


def directed(outcome: Outcome) -> Rate:
    """Called improving or regressing."""
    return Rate(hits=sum(outcome.verdicts[each] for each in _DIRECTED), runs=outcome.runs)


def missed(outcome: Outcome) -> Rate:
    """The interval leaves out the true slope, whatever the verdict."""
    return Rate(hits=outcome.missed, runs=outcome.runs)


def called(verdict: TrendClass) -> Callable[[Outcome], Rate]:
    """How often the rule said this."""
    return lambda outcome: Rate(hits=outcome.verdicts[verdict], runs=outcome.runs)


def tables(clients: Clients, runs: int) -> Iterator[str]:
    """Everything about verdicts, as Markdown."""
    alarms = list(false_alarms(clients, runs))
    for noise in NOISES:
        here = [(course, outcome) for course, outcome in alarms if course.noise == noise]
        error = f"error x {noise:g}"
        yield _grid(f"Called improving or regressing without any change, {error} (aim ≤ 5 %)", here, directed)
        yield _grid(f"95 % interval that misses the true slope of zero, {error} (nominal 5 %)", here, missed)
    usual = [(course, outcome) for course, outcome in alarms if course.noise == 1]
    for verdict in (TrendClass.FLUCTUATING, TrendClass.STABLE, TrendClass.UNCLEAR):
        yield _grid(f"Called {verdict} without any change, error x 1", usual, called(verdict))
    small = list(small_changes(clients, runs))
    yield _grid("95 % interval that misses the true slope, change of 5 points (nominal 5 %)", small, missed)
    title = "Called stable, though the true change is the minimal important difference (nominal 2.5 %)"
    yield _grid(title, small, called(TrendClass.STABLE))
    yield _power(clients, runs)
    states = Clients.of_states(clients.seed)
    ratings = [
        (course, states.judge(course, runs))
        for course in (
            Course(length=length, correlation=correlation, start=5.0)
            for correlation in CORRELATIONS
            for length in LENGTHS
        )
    ]
    yield _grid("Ratings of a state called improving or regressing without any change (aim ≤ 5 %)", ratings, directed)


def _power(clients: Clients, runs: int) -> str:
    lines = ["Called improving, one point better a session, 12 sessions (aim ≥ 80 %)", ""]
    lines += ["| autocorrelation | " + " | ".join(f"error x {noise:g}" for noise in NOISES) + " |", "|---|---|---|"]
    seen = {(course.correlation, course.noise): outcome for course, outcome in power(clients, runs)}
    improving = called(TrendClass.IMPROVING)
    for correlation in CORRELATIONS:
        cells = [improving(seen[correlation, noise]).told() for noise in NOISES]
        lines.append(f"| {correlation:g} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def timings(clients: Clients, rounds: int = 20) -> str:
    """What the rule costs, as Markdown."""
    caseload = [clients.observe(Course(length=52, correlation=0.2)) for _ in range(_CASELOAD)]
    long = clients.observe(Course(length=520, correlation=0.2))
    very_long = clients.observe(Course(length=10_000, correlation=0.2))
    rows = (
        ("a caseload: 200 clients, two questionnaires, 52 scores each", 200.0, caseload),
        ("one series of 520 scores (ten years, weekly)", 20.0, [long]),
        ("one series of 10,000 scores", None, [very_long]),
    )
    lines = ["| what | p50 | p95 | aim |", "|---|---|---|---|"]
    for what, aim, series in rows:
        taken = _timed(clients, series, rounds)
        aimed = f"< {aim:g} ms" if aim else ""
        lines.append(f"| {what} | {percentile(taken, 0.5):.1f} ms | {percentile(taken, 0.95):.1f} ms | {aimed} |")
    return "\n".join(lines) + "\n"


def _timed(clients: Clients, series: Sequence[Sequence[Observation]], rounds: int) -> list[float]:
    """Milliseconds of each round, after one that warms up."""
    taken = []
    for place in range(rounds + 1):
        start = perf_counter()
        told: list[Trend] = [trend(each, clients.yardstick) for each in series]
        if place:
            taken.append(1_000 * (perf_counter() - start))
        if len(told) != len(series):
            raise RuntimeError("a series went without a verdict")
    return taken


def _grid(title: str, found: Sequence[tuple[Course, Outcome]], rate: Callable[[Outcome], Rate]) -> str:
    """A row an autocorrelation, a column a length."""
    cells = {(course.correlation, course.length): rate(outcome).told() for course, outcome in found}
    lines = [title, "", "| autocorrelation | " + " | ".join(f"n = {length}" for length in LENGTHS) + " |"]
    lines.append("|---" * (len(LENGTHS) + 1) + "|")
    lines += [
        f"| {correlation:g} | " + " | ".join(cells[correlation, length] for length in LENGTHS) + " |"
        for correlation in CORRELATIONS
    ]
    return "\n".join(lines) + "\n"


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command(context_settings={"help_option_names": ["-h", "--help"]})
def trends(
    runs: Annotated[int, typer.Option(min=100, max=100_000, help="Simulated clients a cell.")] = RUNS,
    seed: Annotated[int, typer.Option(help="The same seed gives the same clients.")] = 20_261_122,
    table: Annotated[Path | None, typer.Option(help="Write the tables to this file as Markdown.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, also on a terminal.")] = False,  # noqa: FBT002 - Typer's flags are boolean parameters
) -> None:
    """Simulate clients, and tell how often the rule for trends is right and what it costs. Takes about two minutes."""
    speaker = voice(as_json=as_json)
    clients = Clients(seed)
    facts = {
        "taken": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": machine.commit(),
        **machine.machine(Path.cwd()),
        "versions": f"numpy {version('numpy')}, scipy {version('scipy')}",
        "runs": f"{runs:,} a cell, seed {seed}",
    }
    for name, fact in facts.items():
        speaker.say("bench.machine", f"{name:12} {fact}", fact=name, value=fact)
    told = ["".join(f"* {name}: {fact}\n" for name, fact in facts.items())]
    for each in chain((timings(clients),), tables(clients, runs)):
        speaker.say("bench.table", each)
        told.append(each)
    if table:
        table.write_text("\n".join(told), encoding="utf-8")
