"""A report as a document: headings, sentences, tables and figures as plain data that a template sets in type.

Everything here is text. What a person typed is only ever a string in this data, never part of the template.
"""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from adapters.pictures import words
from adapters.pictures.timeline import Clock
from adapters.pictures.writer import Block, Draw, Writer, paragraph
from domain.ports.pictures import Heading, Picture
from domain.progress.report import (
    EmotionProgress,
    GoalProgress,
    MeasureProgress,
    MilestoneProgress,
    Report,
    Source,
    Summary,
    Trend,
    TrendClass,
)

MOST_ROWS = 60
"""A table lists single scores up to this many, above that it sums them up."""
NOTHING = "Nothing was recorded in this period."
NO_FLAG = (
    "No risk flag was raised in this period. One that is open from before stands in the notices on the first page."
)
LIMITS = (
    "This report tells what was recorded, not why. It is no diagnosis, and nothing in it tells whether somebody is safe: "
    "risk is judged by a person who asks."
)

READING = {
    "Verdicts": (
        "Improving and regressing are said only where a steady slope and a change beyond the measure's own error go "
        "together. Stable means that any slope still possible is too small to matter. Fluctuating means reliable ups and "
        "downs. Unclear means that the data allow no verdict, and not enough data that there are fewer than five "
        "observations and no reliable change."
    ),
    "Reliable change": (
        "Two scores differ by chance alone, because no questionnaire measures exactly. The band around the first score holds "
        "the differences that such error explains in 95 of 100 cases (Jacobson and Truax, 1991). A score outside it is "
        "hardly explained by error alone; a score inside it may be no change."
    ),
    "Slopes": (
        "A slope is the median of the slopes between all pairs of observations (Theil, 1950; Sen, 1968), in points a week over "
        "real dates. Its interval says which slopes the data allow; an interval that holds zero allows no trend at all."
    ),
    "Cut-offs": (
        "A cut-off comes from published studies of groups. Crossing it is worth a look; it is neither a diagnosis nor its end."
    ),
    "Gaps": (
        "Lines are broken where nothing was observed for long, and nothing is filled in. Records marked as entered in error "
        "count for nothing."
    ),
}


def document(report: Report, heading: Heading, draw: Draw) -> Block:
    """The whole document as JSON-ready data."""
    writer = Writer(report=report, draw=draw, clock=Clock(ZoneInfo(report.zone)))
    last_day = words.last_day(writer.clock, report.until)
    first = _notices(writer)
    overview = writer.figure("the journey", Picture.JOURNEY, _all_sources(report))
    sections = [
        _measures(writer),
        _goals(writer),
        _emotions(writer),
        _engagement(writer),
        *([] if report.released else [_flags(writer)]),
        {
            "title": "How to read this report",
            "blocks": [{"kind": "terms", "items": [list(item) for item in READING.items()]}],
        },
    ]
    return {
        "title": "Progress report",
        "name": heading.client_name,
        "facts": _facts(report, heading, f"{writer.day(report.since)} to {words.day(last_day)}"),
        "notices": first,
        "limits": LIMITS,
        "summary": _summary(report),
        "overview": [overview] if overview else [],
        "sections": sections,
        "figures": [list(figure) for figure in writer.records.figures],
        "records": writer.records.lines(),
    }


def _notices(writer: Writer) -> list[str]:
    """What must not be missed, each with its records, before anything else."""
    told = []
    for number, notice in enumerate(writer.report.notices, 1):
        cited = writer.records.figure(f"Notice {number}", notice.sources) if notice.sources else ""
        told.append(f"{notice.text}{f' Records {cited}.' if cited else ''}")
    return told


def _facts(report: Report, heading: Heading, period: str) -> list[list[str]]:
    facts = [["Client", heading.client_name], ["Period", period], ["Time zone of all dates", report.zone]]
    if heading.practice:
        facts.append(["Practice", heading.practice])
    if heading.prepared_for:
        facts.append(["Prepared for", heading.prepared_for])
    drawn = words.count(report.events, "record")
    facts.append(["Drawn from", f"{drawn}; {report.left_out} left out as entered in error"])
    return facts


def _summary(report: Report) -> list[str]:
    """A sentence for each part, the verdict first."""
    if not _all_sources(report):
        return ["There is no data: nothing was recorded in this period."]
    lines = [
        f"{measure.title}: {words.verdict(measure.trend)}, from {words.count(len(measure.scores), 'score')}."
        for measure in report.measures
        if measure.scores
    ]
    if report.goals:
        by_status = [
            f"{sum(g.status == s for g in report.goals)} {s.replace('_', ' ')}" for s in _statuses(report.goals)
        ]
        lines.append(f"Goals: {words.listed(by_status)}.")
    lines += [
        f"State {words.quoted(emotion.name)}: {words.verdict(emotion.trend)}, from "
        f"{words.count(len(emotion.observations), 'observation')}."
        for emotion in sorted(report.emotions, key=lambda emotion: -len(emotion.observations))[:4]
    ]
    if report.engagement.appearances:
        lines.append(f"Attendance: {words.attendance(report.engagement)}")
    if report.flags:
        unseen = sum(flag.status in words.OPEN_FLAGS for flag in report.flags)
        lines.append(f"Risk flags: {len(report.flags)}, {unseen} of them not yet acknowledged.")
    return lines


def _statuses(goals: Sequence[GoalProgress]) -> list[str]:
    return sorted({goal.status for goal in goals})


def _all_sources(report: Report) -> list[Source]:
    sources = [score.source for measure in report.measures for score in measure.scores]
    sources += [goal.source for goal in report.goals]
    sources += [seen.source for emotion in report.emotions for seen in emotion.observations]
    sources += [seen.source for seen in report.engagement.appearances]
    return [*sources, *(flag.source for flag in report.flags), *report.not_judged]


def _trend(trend: Trend) -> str:
    """Class, estimate, interval, rule and number of observations in one paragraph."""
    text = f"Verdict: {words.verdict(trend)}. {words.sentence(trend.because)}"
    if trend.estimate is not None:
        text += f" Slope {words.signed(trend.estimate, 2)} {trend.unit} a week"
        text += f" ({words.interval(trend.interval, 2)})" if trend.interval is not None else ""
        text += "."
    if trend.change is not None:
        text += f" Change over the period {words.signed(trend.change)} {trend.unit}."
    return f"{text} {words.title_case(words.count(trend.observations, 'observation'))}, rule {trend.rule}."


def _measures(writer: Writer) -> Block:
    blocks: list[Block] = []
    for measure in writer.report.measures:
        if measure.scores:
            blocks += _measure(writer, measure)
    if writer.report.not_judged:
        number = words.count(len(writer.report.not_judged), "measure is", "measures are")
        cited = writer.records.cite(writer.report.not_judged)
        text = f"{number} of an instrument or version unknown to this release, and count for nothing. Records {cited}."
        blocks.append(paragraph(text))
    return {"title": "Measures", "blocks": blocks or [_none()]}


def _measure(writer: Writer, measure: MeasureProgress) -> list[Block]:
    sources = [score.source for score in measure.scores]
    figure = writer.figure(f"scores of {measure.title}", Picture.SCORES, sources, measure)
    change = measure.change
    texts = [_trend(measure.trend)]
    if measure.assumed:
        texts.append(f"The band of error of {words.figure(measure.band)} points is assumed: {words.ASSUMED}.")
    if measure.other_versions:
        texts.append(
            f"This is version {measure.version}. Scores of version {words.listed(measure.other_versions)} are told for "
            "themselves: two versions are never joined."
        )
    if change is not None:
        recovered = _recovered(measure) if change.recovered else ""
        texts.append(
            f"First to last score {words.signed(change.difference)} (index of reliable change "
            f"{words.figure(change.index, 2)}; the smallest reliable difference is {words.figure(change.threshold)}): "
            f"{words.VERDICTS[change.verdict]}.{recovered}"
        )
    if measure.crossings:
        texts.append(words.sentence(words.crossings(measure)))
    table = _scores_table(writer, measure) if len(measure.scores) <= MOST_ROWS else _years_table(writer, measure)
    return [{"kind": "heading", "text": measure.title}, *([figure] if figure else []), *map(paragraph, texts), table]


def _recovered(measure: MeasureProgress) -> str:
    """By Jacobson and Truax's rule, which looks at two scores; the course may speak against it."""
    text = " By this rule, which compares these two scores alone, the client has recovered"
    if measure.trend.verdict in {TrendClass.FLUCTUATING, TrendClass.REGRESSING}:
        return f"{text}; the scores between them speak against it."
    return f"{text}."


def _none() -> Block:
    return paragraph(NOTHING)


def _scores_table(writer: Writer, measure: MeasureProgress) -> Block:
    prorated = {source.id for source in measure.prorated}
    rows = [
        [
            writer.day(score.at),
            words.figure(score.value),
            severity,
            "prorated" if score.source.id in prorated else "",
            writer.records.cite([score.source]),
        ]
        for score, severity in zip(measure.scores, measure.severities, strict=True)
    ]
    sources = [score.source for score in measure.scores]
    head = ("Day", "Score", "Severity", "Note", "Record")
    return writer.table(f"single scores of {measure.title}", head, rows, sources)


def _years_table(writer: Writer, measure: MeasureProgress) -> Block:
    """The report's own pieces of the calendar where they are few enough, else years."""
    filled = [bucket for bucket in measure.buckets if bucket.count]
    if filled and len(measure.buckets) <= MOST_ROWS:
        rows = [_summary_row(writer, bucket) for bucket in filled]
    else:
        rows = _year_rows(writer, measure)
    sources = [score.source for score in measure.scores]
    head = ("Period", "Scores", "Mean", "Lowest", "Highest", "Last", "Records")
    return writer.table(f"scores of {measure.title} by period", head, rows, sources)


def _summary_row(writer: Writer, summary: Summary) -> list[str]:
    figures = (summary.mean, summary.least, summary.most, summary.last)
    values = ["" if value is None else words.figure(value) for value in figures]
    return [summary.bucket.label, str(summary.count), *values, writer.records.cite(summary.sources)]


def _year_rows(writer: Writer, measure: MeasureProgress) -> list[list[str]]:
    years: dict[int, list[int]] = {}
    for index, score in enumerate(measure.scores):
        years.setdefault(writer.clock.day(score.at).year, []).append(index)
    rows = []
    for year, held in years.items():
        values = [measure.scores[index].value for index in held]
        figures = (sum(values) / len(values), min(values), max(values), values[-1])
        cited = writer.records.cite(measure.scores[index].source for index in held)
        rows.append([str(year), str(len(held)), *map(words.figure, figures), cited])
    return rows


def _goals(writer: Writer) -> Block:
    goals = writer.report.goals
    if not goals:
        return {"title": "Goals", "blocks": [_none()]}
    figure = writer.figure("goals and milestones", Picture.GOALS, [goal.source for goal in goals])
    blocks = [figure] if figure else []
    for number, goal in enumerate(goals, 1):
        blocks += [{"kind": "heading", "text": f"Goal {number}"}, paragraph(goal.statement), *_goal(writer, goal)]
    return {"title": "Goals", "blocks": blocks}


def _goal(writer: Writer, goal: GoalProgress) -> list[Block]:
    facts = [f"{words.title_case(goal.status.replace('_', ' '))}, set on {words.day(goal.set_on)}"]
    if goal.due_on is not None:
        facts.append(f"due on {words.day(goal.due_on)}{' and overdue' if goal.overdue else ''}")
    if goal.completion is not None:
        facts.append(f"{words.figure(goal.completion, 0)} % complete, counted by {goal.counted_by}")
    known = ((goal.baseline, "baseline"), (goal.target, "target"), (goal.current, "now"))
    facts += [f"{name} {words.with_unit(value, goal.unit)}" for value, name in known if value is not None]
    facts.append(f"touched in {words.count(goal.sessions, 'session')}")
    cited = writer.records.cite([goal.source, *(value.source for value in goal.course)])
    blocks = [paragraph(f"{'; '.join(facts)}. Records {cited}."), paragraph(_trend(goal.trend))]
    if goal.milestones:
        blocks.append({"kind": "items", "items": [_milestone(step) for step in goal.milestones]})
    return blocks


def _milestone(step: MilestoneProgress) -> str:
    state = words.title_case(words.milestone_state(step))
    if step.reached_on is not None:
        state += f" on {words.day(step.reached_on)}"
    if step.due_on is not None:
        state += f", due on {words.day(step.due_on)}"
    return f"{state}: {step.text}"


def _emotions(writer: Writer) -> Block:
    seen = [emotion for emotion in writer.report.emotions if emotion.observations]
    if not seen:
        return {"title": "Emotional states", "blocks": [_none()]}
    sources = [value.source for emotion in seen for value in emotion.observations]
    figure = writer.figure("intensity of named states", Picture.EMOTIONS, sources)
    head = ("State", "Seen", "Mean", "Deviation", "Instability", "Shift", "Verdict", "Records")
    table = writer.table("named states", head, [_emotion_row(writer, emotion) for emotion in seen], sources)
    because = [paragraph(f"{words.quoted(emotion.name)}. {_trend(emotion.trend)}") for emotion in seen]
    return {"title": "Emotional states", "blocks": [*([figure] if figure else []), table, *because]}


def _emotion_row(writer: Writer, emotion: EmotionProgress) -> list[str]:
    shift = "" if emotion.shift is None else words.signed(emotion.shift)
    if emotion.shift_interval is not None:
        shift += f" ({words.figure(emotion.shift_interval.low)} to {words.figure(emotion.shift_interval.high)})"
    figures = (emotion.level, emotion.variability, emotion.instability)
    return [
        f"{emotion.name} ({emotion.valence})",
        str(len(emotion.observations)),
        *("" if value is None else words.figure(value) for value in figures),
        shift,
        words.verdict(emotion.trend),
        writer.records.cite(value.source for value in emotion.observations),
    ]


def _engagement(writer: Writer) -> Block:
    engagement = writer.report.engagement
    if not engagement.appearances:
        return {"title": "Engagement", "blocks": [_none()]}
    sources = [seen.source for seen in engagement.appearances]
    figure = writer.figure("attendance", Picture.ATTENDANCE, sources)
    blocks = [
        *([figure] if figure else []),
        paragraph(words.attendance(engagement)),
        paragraph(_trend(engagement.trend)),
    ]
    if engagement.gaps:
        longest = sorted(engagement.gaps, key=lambda gap: -gap.days)[:MOST_ROWS]
        rows = [
            [
                writer.day(gap.since),
                "still open" if gap.open else writer.day(gap.until),
                words.figure(gap.days, 0),
                writer.records.cite(gap.sources),
            ]
            for gap in sorted(longest, key=lambda gap: gap.since)
        ]
        used = [source for gap in longest for source in gap.sources]
        blocks.append(writer.table("gaps longer than usual", ("From", "To", "Days", "Records"), rows, used))
    return {"title": "Engagement", "blocks": blocks}


def _flags(writer: Writer) -> Block:
    flags = writer.report.flags
    if not flags:
        return {"title": "Risk flags", "blocks": [paragraph(NO_FLAG)]}
    rows = [
        [writer.day(flag.raised_at), flag.level, flag.status.replace("_", " "), writer.records.cite([flag.source])]
        for flag in flags
    ]
    head = ("Raised", "Level", "Status", "Record")
    return {"title": "Risk flags", "blocks": [writer.table("risk flags", head, rows, [flag.source for flag in flags])]}
