"""How records read to a model: a compact rendering of our own, whole or as an excerpt of whole sentences.

Left out wherever they stand: names and ids of accounts, telephone numbers and other contacts. A passage begins with one
line that stands by itself, so that the shortest excerpt still says what happened when.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from domain.ports.relevance import TokenCounter
from domain.ports.views import JourneyItem
from domain.services.wording import Word, folded, sentences

GAP: Final = "[…]"
"""Stands where sentences were left out."""
_SCORES_MOST: Final = 8
_GOAL_NAME_MOST: Final = 80

Json = Mapping[str, Any]
Names = Mapping[str, str]
"""Statements of goals by id, so that a session can say which goals it touched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """`paragraphs` in the order in which they are read; each may be long."""

    heading: str
    paragraphs: tuple[str, ...] = ()

    @property
    def whole(self) -> str:
        return "\n".join((self.heading, *self.paragraphs))

    @property
    def said(self) -> str:
        """All but the heading: what relevance is judged by."""
        return "\n".join(self.paragraphs)


def passage_of(item: JourneyItem, goals: Names, course: Sequence[JourneyItem] = ()) -> Passage:
    """`course`: the earlier results with the same instrument, oldest first, for a measure."""
    if item.kind == "measure":
        return _measure(item, course)
    return _TELLERS[item.kind](item, goals)


def excerpt(passage: Passage, most: int, counter: TokenCounter, words: Sequence[Word] = ()) -> str | None:
    """At most `most` tokens of it: the heading and whole sentences in their order, those that say the words first of all,
    GAP where something is missing. None where not even the heading fits.
    """
    units = [(number, sentence) for number, text in enumerate(passage.paragraphs) for sentence in sentences(text)]
    costs = [counter.count(sentence) + 1 for _, sentence in units]
    room = most - counter.count(passage.heading) - 1
    chosen: list[int] = []
    gap = counter.count(GAP) + 2
    for index in sorted(range(len(units)), key=lambda i: (-_hits(units[i][1], words), i)):
        # A sentence may open a gap on either side of it.
        if costs[index] + gap <= room:
            chosen.append(index)
            room -= costs[index] + gap
        if room <= gap:
            break
    while True:
        text = _joined(passage.heading, units, sorted(chosen))
        if counter.count(text) <= most:
            return text
        if not chosen:
            return None
        chosen.pop()


def _hits(sentence: str, words: Sequence[Word]) -> int:
    if not words:
        return 0
    text = folded(sentence)
    return sum(1 for word in words if word.count(text))


def _joined(heading: str, units: Sequence[tuple[int, str]], chosen: Sequence[int]) -> str:
    """Sentences of a paragraph on one line; one GAP for whatever is missing between two that are there."""
    pieces: list[tuple[int, str]] = []
    expected = 0
    for index in chosen:
        paragraph, sentence = units[index]
        if index != expected:
            pieces.append((paragraph, GAP))
        pieces.append((paragraph, sentence))
        expected = index + 1
    if expected != len(units):
        pieces.append((pieces[-1][0] if pieces else 0, GAP))
    lines = [" ".join(text for _, text in group) for _, group in groupby(pieces, key=lambda piece: piece[0])]
    return "\n".join((heading, *lines))


def _session(item: JourneyItem, goals: Names) -> Passage:
    content = item.content["content"]
    unsigned = "" if item.state == "signed" else ", not signed yet"
    minutes, modality = content["duration_min"], _spoken(content["modality"])
    touched = [goals[goal_id] for goal_id in content["goal_ids"] if goal_id in goals]
    return Passage(
        heading=f"{_day(item)} Session, {modality}, {minutes} min{unsigned}",
        paragraphs=tuple(
            _told(
                ("Themes", "; ".join(content["themes"])),
                ("Feelings", ", ".join(_feeling(emotion) for emotion in content["emotions"])),
                ("Interventions", "; ".join(content["interventions"])),
                ("Goals", "; ".join(touched)),
                ("Risk", _risk(content["risk"])),
                ("", content["summary"]),
                ("Homework", content["homework"]),
                ("Next", content["next_plan"]),
                *(("Addendum", addendum["text"]) for addendum in item.content["addenda"]),
            )
        ),
    )


def _appointment(item: JourneyItem, _: Names) -> Passage:
    content = item.content
    by = f" by the {_spoken(content['cancelled_by'])}" if content.get("cancelled_by") else ""
    reason = content.get("cancellation_reason") or content.get("miss_reason")
    why = f": {_spoken(reason)}" if reason else ""
    return Passage(heading=f"{_day(item)} Appointment, {_spoken(item.state)}{by}{why}")


def _measure(item: JourneyItem, course: Sequence[JourneyItem]) -> Passage:
    content = item.content
    prorated = ", prorated from the items answered" if content.get("prorated") else ""
    earlier = [f"{_day(one)} {_number(one.content['score'])}" for one in course]
    if len(earlier) > _SCORES_MOST:
        # The first one says where it began; the last ones where it goes.
        earlier = [earlier[0], GAP, *earlier[1 - _SCORES_MOST :]]
    answers = ", ".join("-" if answer is None else str(answer) for answer in content.get("answers", ()))
    name = _instrument(content["instrument"])
    severity = f" ({_spoken(content['severity'])})" if content.get("severity") else ""
    return Passage(
        heading=f"{_day(item)} {name}: {_number(content['score'])}{severity}{prorated}",
        paragraphs=tuple(_told(("Earlier", ", ".join(earlier)), ("Answers", answers))),
    )


def scores_shown(course: Sequence[JourneyItem]) -> Sequence[JourneyItem]:
    """Those of `course` that a measure's passage names."""
    return course if len(course) <= _SCORES_MOST else (course[0], *course[1 - _SCORES_MOST :])


def _goal(item: JourneyItem, _: Names) -> Passage:
    content = item.content
    wanted = content["content"]
    reached = {one["id"]: one["reached_on"] for one in content.get("milestones_reached", ())}
    milestones = [
        f"{one['text']} ({'reached ' + str(reached[one['id']]) if one['id'] in reached else 'open'})"
        for one in wanted.get("milestones") or ()
    ]
    progress = [f"{one['at']['instant'][:10]} {_number(one['value'])}" for one in content.get("progress", ())]
    due = f", due {wanted['due_on']}" if wanted.get("due_on") else ""
    return Passage(
        heading=f"{_day(item)} Goal, {_spoken(item.state)}{due}: {_short(wanted['statement'])}",
        paragraphs=tuple(
            _told(
                ("", wanted["statement"] if len(wanted["statement"]) > _GOAL_NAME_MOST else ""),
                *((_spoken(name).capitalize(), wanted.get(name) or "") for name in _SMART),
                ("Measured by", _aim(wanted)),
                ("Milestones", "; ".join(milestones)),
                ("Progress", ", ".join(progress[-_SCORES_MOST:])),
                ("Reason", content.get("reason") or ""),
            )
        ),
    )


def _risk_flag(item: JourneyItem, _: Names) -> Passage:
    content = item.content
    return Passage(
        heading=f"{_day(item)} Risk flag, {_spoken(content['level'])}, {_spoken(item.state)}",
        paragraphs=tuple(_told(("", content.get("reason") or ""), ("Outcome", content.get("outcome") or ""))),
    )


def _transcript(item: JourneyItem, _: Names) -> Passage:
    return Passage(
        heading=f"{_day(item)} Transcript",
        paragraphs=tuple(f"{_spoken(one['speaker'])}: {one['text']}" for one in utterances(item)),
    )


def utterances(item: JourneyItem) -> Sequence[Json]:
    """Of a transcript, in their order."""
    found: Sequence[Json] = item.content.get("utterances") or item.content.get("content", {}).get("utterances", ())
    return found


def _plain(name: str) -> Callable[[JourneyItem, Names], Passage]:
    """For lists and plans: what stands in them by the names of their fields."""

    def tell(item: JourneyItem, _: Names) -> Passage:
        content = item.content.get("content", item.content)
        lead = " ".join(str(content[field]) for field in ("code", "description", "name", "dose") if content.get(field))
        rest = [(_spoken(key).capitalize(), _flat(value)) for key, value in content.items() if key in _TOLD]
        heading = f"{_day(item)} {name}, {_spoken(item.state)}"
        return Passage(heading=f"{heading}: {lead}" if lead else heading, paragraphs=tuple(_told(*rest)))

    return tell


_SMART: Final = ("specific", "measurable", "achievable", "relevant")
_TOLD: Final = frozenset(
    (
        "presenting_problems",
        "formulation",
        "approach",
        "interventions",
        "discharge_criteria",
        "review_due",
        "warning_signs",
        "coping_strategies",
        "distractions",
        "helpers",
        "professionals",
        "environment",
        "reasons_for_living",
        "reviewed_on",
        "status",
        "principal",
        "onset",
        "note",
        "frequency",
        "started_on",
        "stopped_on",
        "reason",
    )
)
_CODE: Final = re.compile(r"[a-z]+(_[a-z]+)+")
_UNTOLD: Final = frozenset(("contact", "prescriber"))
_TELLERS: Final[dict[str, Callable[[JourneyItem, Names], Passage]]] = {
    "session": _session,
    "appointment": _appointment,
    "goal": _goal,
    "risk_flag": _risk_flag,
    "transcript": _transcript,
    "treatment_plan": _plain("Treatment plan"),
    "diagnosis": _plain("Diagnosis"),
    "medication": _plain("Medication"),
    "safety_plan": _plain("Safety plan"),
}


def _told(*pairs: tuple[str, str]) -> Iterator[str]:
    """`Label: text` for what there is."""
    return (f"{label}: {text}" if label else text for label, text in pairs if text.strip())


def _flat(value: Any) -> str:
    """A value of a plan on one line, without contacts."""
    if isinstance(value, Mapping) and "weeks" in value:
        return f"{value['sessions']} in {value['weeks']} weeks"
    if isinstance(value, Mapping):
        return ", ".join(_flat(part) for key, part in value.items() if key not in _UNTOLD and part)
    if isinstance(value, (list, tuple)):
        return "; ".join(_flat(part) for part in value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if value is None:
        return ""
    return _spoken(str(value)) if _CODE.fullmatch(str(value)) else str(value)


def _feeling(emotion: Json) -> str:
    return f"{emotion['name']} {emotion['intensity']}/10 ({emotion['valence']})"


def _risk(risk: Json | None) -> str:
    if risk is None:
        return ""
    return f"{risk['level']}: {risk['text']}" if risk["text"] else str(risk["level"])


def _aim(goal: Json) -> str:
    """From where to where."""
    name = _instrument(goal["instrument"]) if goal.get("instrument") else _spoken(goal.get("metric") or "")
    known = [_number(goal[end]) for end in ("baseline", "target") if goal.get(end) is not None]
    return f"{name} {' to '.join(known)}".strip()


def _day(item: JourneyItem) -> str:
    """The day as the people in the room knew it, where the record tells their clock."""
    content = item.content
    moment = content.get("content", content).get("took_place") or content.get("taken_at") or content.get("start")
    local = moment.get("local") if isinstance(moment, Mapping) else None
    return (local or item.happened_at.isoformat())[:10]


def _short(text: str) -> str:
    """A goal's statement as its name: whole words."""
    if len(text) <= _GOAL_NAME_MOST:
        return text
    return text[:_GOAL_NAME_MOST].rpartition(" ")[0] + " …"


def goal_name(item: JourneyItem) -> str:
    return _short(item.content["content"]["statement"])


def _instrument(key: str) -> str:
    return key.upper().replace("_", "-")


def _number(value: float) -> str:
    return f"{value:g}"


def _spoken(code: str) -> str:
    return code.replace("_", " ")
