"""The journey picture holds the period it names, and every mark in it can be seen."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from adapters.pictures import journey, theme
from adapters.pictures.timeline import Clock
from domain.progress.report import MilestoneProgress, TrendClass
from tests.pictures import samples

CLOCK = Clock(ZoneInfo(samples.ZONE))


def drawn(**more):
    return journey.draw(replace(samples.empty(), **more), CLOCK)[0]


def words_of(sheet):
    return [row["text"] for row in sheet.rows["words"]]


def goal_from(since, *milestones):
    goal = samples.goal(samples.Maker(1), TrendClass.STABLE, 0, statement="a", milestones=0)
    return replace(goal, set_on=since.date(), milestones=milestones)


def reached(when):
    return MilestoneProgress(id=samples.Maker(2).uuid(), text="step", due_on=None, reached_on=when.date(), late=False)


def test_a_goal_set_before_the_period_is_drawn_from_its_beginning():
    sheet = drawn(goals=(goal_from(samples.START - timedelta(days=300)),))
    assert sheet.x.low >= CLOCK.ms(samples.START - timedelta(days=30))


def test_milestones_outside_of_the_period_are_counted_and_not_drawn():
    before, within = samples.START - timedelta(days=100), samples.START + timedelta(days=100)
    sheet = drawn(goals=(goal_from(before, reached(before), reached(within)),))
    assert "Milestones 1/2" in words_of(sheet)
    sheet = drawn(goals=(goal_from(before, reached(within)),))
    assert "Milestones 1" in words_of(sheet)


def test_two_measures_of_one_minute_are_one_sign_that_can_be_seen():
    measure = samples.measure(samples.Maker(3), TrendClass.UNCLEAR, 12, every=timedelta(days=20))
    first = measure.scores[0]
    twice = (first, replace(first, at=first.at + timedelta(seconds=20)))
    others = samples.measure(samples.Maker(4), TrendClass.UNCLEAR, 12, every=timedelta(days=20), key="who-5")
    sheet = drawn(measures=(replace(measure, scores=twice, crossings=()), others))
    lane = min(row["y"] for row in sheet.rows["signs"] if row["shape"] == theme.DOT and row["y"] > 0)
    (sign,) = [row for row in sheet.rows["signs"] if row["y"] == lane]
    assert sign["size"] >= 36
