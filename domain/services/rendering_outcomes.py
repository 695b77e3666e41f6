"""How goals, measures, risk flags and instruments read as JSON. As `rendering`: pure, ids hyphenated, days ISO 8601.

Whoever may see them sees the same: `measure_as_json` leaves out the flag that a measure raised, which clients don't see.
"""

from datetime import date

from domain.instruments import Instrument
from domain.model.clinical import ClinicalRecord
from domain.model.goal import Goal, GoalContent, Milestone, Progress, Reached
from domain.model.measure import Measure
from domain.model.risk_flag import RiskFlag
from domain.services.rendering import Json, instant_as_json, marked, moment_as_json


def goal_as_json(goal: Goal) -> Json:
    """A goal with what was agreed on last, the values recorded by hand and the milestones reached."""
    return marked(goal, _record(goal)) | {
        "content": goal_content_as_json(goal.content),
        "progress": [_progress(told) for told in goal.progress],
        "milestones_reached": [_reached(reached) for reached in goal.reached],
        "session_ids": _session_ids(goal),
        "set_by": str(goal.set_by),
        "set_at": instant_as_json(goal.created_on),
        "completed_on": _day(goal.completed_on),
        "abandoned_on": _day(goal.abandoned_on),
        "reason": goal.reason,
    }


def goal_content_as_json(content: GoalContent) -> Json:
    """What was agreed on, as it is sent."""
    return {
        "statement": content.statement,
        "specific": content.specific,
        "measurable": content.measurable,
        "achievable": content.achievable,
        "relevant": content.relevant,
        "metric": content.metric.value,
        "instrument": content.instrument,
        "baseline": content.baseline,
        "target": content.target,
        "due_on": _day(content.due_on),
        "milestones": [_milestone(milestone) for milestone in content.milestones],
        "session_ids": [str(session_id) for session_id in content.session_ids],
    }


def measure_as_json(measure: Measure) -> Json:
    """A questionnaire with its answers, and the score it was given when it was recorded."""
    return marked(measure, _record(measure)) | {
        "instrument": measure.instrument,
        "instrument_version": measure.instrument_version,
        "taken_at": moment_as_json(measure.taken_at),
        "answers": list(measure.answers),
        "completed_by": measure.completed_by.value,
        "score": measure.score,
        "severity": measure.severity,
        "prorated": measure.prorated,
        "session_id": _id(measure.session_id),
        "recorded_by": str(measure.recorded_by),
    }


def risk_flag_as_json(flag: RiskFlag) -> Json:
    """A risk flag with who took it on and what became of it."""
    return _record(flag) | {
        "level": flag.level.value,
        "source": flag.source.value,
        "reason": flag.reason,
        "raised_by": _id(flag.raised_by),
        "raised_at": instant_as_json(flag.raised_at),
        "due_at": instant_as_json(flag.due_at),
        "measure_id": _id(flag.measure_id),
        "measure_withdrawn": flag.measure_withdrawn,
        "session_id": _id(flag.session_id),
        "acknowledged_by": _id(flag.acknowledged_by),
        "acknowledged_at": instant_as_json(flag.acknowledged_at),
        "note": flag.note,
        "escalated_by": _id(flag.escalated_by),
        "escalated_at": instant_as_json(flag.escalated_at),
        "escalated_to": _id(flag.escalated_to),
        "escalation_reason": flag.escalation_reason.value if flag.escalation_reason else None,
        "resolved_by": _id(flag.resolved_by),
        "resolved_at": instant_as_json(flag.resolved_at),
        "outcome": flag.outcome,
    }


def instrument_as_json(instrument: Instrument) -> Json:
    """All that is held of an instrument's version, its sources with it."""
    proration, change = instrument.proration, instrument.change
    return {
        "key": instrument.key,
        "version": instrument.version,
        "retired": instrument.retired,
        "title": instrument.title,
        "concept": instrument.concept,
        "note": instrument.note,
        "licence": {"statement": instrument.licence, "source": instrument.licence_source},
        "recall_days": instrument.recall_days,
        "items": [
            {
                "number": item.number,
                "about": item.about,
                "least": item.least,
                "most": item.most,
                "reversed": item.reversed,
            }
            for item in instrument.items
        ],
        "responses": [{"value": each.value, "label": each.label} for each in instrument.responses],
        "scoring": {
            "rule": "sum",
            "multiplier": instrument.multiplier,
            "least": instrument.least,
            "most": instrument.most,
            "higher_is_worse": instrument.higher_is_worse,
        },
        "proration": {"missing_most": proration.missing_most, "source": proration.source} if proration else None,
        "severity": {
            "bands": [{"score": band.score, "label": band.label} for band in instrument.bands],
            "source": instrument.bands_source,
        },
        "clinical_cutoff": {"score": instrument.clinical_cutoff, "source": instrument.clinical_cutoff_source},
        "reliable_change": {
            "threshold": instrument.reliable_change,
            "sd": change.sd,
            "reliability": change.reliability,
            "population": change.population,
            "assumed": change.assumed,
            "source": change.source,
        },
        "minimal_important_difference": {
            "points": change.minimal_important,
            "source": change.minimal_important_source,
        },
        "critical_items": [
            {
                "number": critical.number,
                "levels": {str(answer): level for answer, level in critical.levels.items()},
                "unanswered": critical.unanswered,
                "source": critical.source,
            }
            for critical in instrument.critical_items
        ],
        "citations": [
            {"key": each.key, "text": each.text, "doi": each.doi, "url": each.url} for each in instrument.citations
        ],
    }


def _record(record: ClinicalRecord) -> Json:
    """What every record of a client says of itself."""
    return {
        "id": str(record.id),
        "client_id": str(record.client_id),
        "version": record.version,
        "status": record.status.value,
        "recorded_at": instant_as_json(record.created_on),
        "changed_at": instant_as_json(record.modified_on),
        "error_reason": record.error_reason,
    }


def _session_ids(goal: Goal) -> list[str]:
    """Sessions linked to the goal, and those that progress was told of, each once, in that order."""
    told = [progress.session_id for progress in goal.progress if progress.session_id is not None]
    return list(dict.fromkeys(str(session_id) for session_id in (*goal.content.session_ids, *told)))


def _milestone(milestone: Milestone) -> Json:
    return {"id": str(milestone.id), "text": milestone.text, "due_on": _day(milestone.due_on)}


def _progress(told: Progress) -> Json:
    return {"at": moment_as_json(told.at), "value": told.value, "session_id": _id(told.session_id)}


def _reached(reached: Reached) -> Json:
    return {
        "id": str(reached.id),
        "reached_on": reached.reached_on.isoformat(),
        "recorded_at": instant_as_json(reached.recorded_at),
    }


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _id(value: object) -> str | None:
    return None if value is None else str(value)
