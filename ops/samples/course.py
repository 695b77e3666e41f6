"""The half years of the sample clients: whom, when, what. Pure: the same day and zone give the same courses."""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from importlib.resources import files
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.model.identity import IdentityContent
from domain.model.session import SessionContent
from domain.model.values import (
    Address,
    Contact,
    ContactKind,
    EmergencyContact,
    Emotion,
    Modality,
    MomentInZone,
    PersonName,
    RiskImpression,
    RiskLevel,
    Valence,
)

WEEKS: Final = 26
AHEAD: Final = 2
"""Appointments that are still to come."""
DURATION_MIN: Final = 50
CHOICES: Final = "anamnesis/samples/1"


class Outcome(StrEnum):
    HELD = "held"
    MISSED = "missed"
    CANCELLED_BY_CLIENT = "cancelled_by_client"
    CANCELLED_BY_CLINICIAN = "cancelled_by_clinician"
    TO_COME = "to_come"


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A weekly appointment; `content` is the session's entry when it was held."""

    number: int
    start: MomentInZone
    modality: Modality
    outcome: Outcome
    content: SessionContent | None = None

    @property
    def entry(self) -> SessionContent:
        """The content of a visit that was held. Raises ValueError for any other."""
        if self.content is None:
            raise ValueError("only visits that were held have an entry")
        return self.content


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One client. `clinician` says whose client it is: `clinician` or `trainee`."""

    key: str
    identity: IdentityContent
    clinician: str
    visits: tuple[Visit, ...]

    @property
    def held(self) -> tuple[Visit, ...]:
        return tuple(visit for visit in self.visits if visit.outcome is Outcome.HELD)


def courses(today: date, zone: str) -> tuple[Course, ...]:
    """All sample clients, with weekly visits in the clinic's `zone` that end in the week before `today`."""
    told = json.loads((files("ops") / "data" / "sample_clients.json").read_text(encoding="utf-8"))
    return tuple(_course(story, today, zone) for story in told["clients"])


def _course(story: Mapping[str, Any], today: date, zone: str) -> Course:
    chance = random.Random(f"{CHOICES}/{story['key']}")  # noqa: S311 - invented histories, not secrets
    outcomes = _outcomes(chance)
    visits = []
    for number, day in enumerate(_days(today, story["weekday"])):
        start = _at(day, story["hour"], zone)
        outcome = outcomes[number] if number < WEEKS else Outcome.TO_COME
        content = _content(story, number, start, chance) if outcome is Outcome.HELD else None
        visits.append(
            Visit(number=number, start=start, modality=Modality(story["modality"]), outcome=outcome, content=content)
        )
    return Course(key=story["key"], identity=_identity(story), clinician=story["clinician"], visits=tuple(visits))


def _days(today: date, weekday: int) -> Iterator[date]:
    """The last WEEKS days of that weekday before `today`, and the AHEAD next ones."""
    newest = today - timedelta(days=(today.weekday() - weekday) % 7 or 7)
    for week in range(-WEEKS + 1, AHEAD + 1):
        yield newest + timedelta(weeks=week)


def _at(day: date, hour: int, zone: str) -> MomentInZone:
    return MomentInZone.of(datetime.combine(day, time(hour), ZoneInfo(zone)), zone)


def _outcomes(chance: random.Random) -> list[Outcome]:
    """Mostly held; the first three and the last two always."""
    outcomes = [Outcome.HELD] * WEEKS
    exceptions = [Outcome.MISSED, Outcome.CANCELLED_BY_CLIENT, Outcome.CANCELLED_BY_CLINICIAN]
    for number, outcome in zip(chance.sample(range(3, WEEKS - 2), len(exceptions)), exceptions, strict=True):
        outcomes[number] = outcome
    return outcomes


def _content(story: Mapping[str, Any], number: int, start: MomentInZone, chance: random.Random) -> SessionContent:
    phase, week = _phase(story["phases"], number)
    part = week / max(1, phase["weeks"] - 1)
    sentences = [_nth(phase[name], week) for name in ("happened", "did", "took_away")]
    return SessionContent(
        took_place=start,
        duration_min=DURATION_MIN + chance.choice((-5, 0, 0, 0, 5)),
        modality=Modality(story["modality"]),
        summary=" ".join(sentences),
        themes=tuple(phase["themes"][: 2 + week % 2]),
        emotions=tuple(_emotion(told, part, chance) for told in phase["emotions"]),
        interventions=tuple(phase["interventions"][week % 2 : week % 2 + 2]),
        homework=_nth(phase["homework"], week),
        risk=_risk(phase, week),
        next_plan=_nth(phase["next_plan"], week),
    )


def _phase(phases: Sequence[Mapping[str, Any]], number: int) -> tuple[Mapping[str, Any], int]:
    """The phase that session `number` falls into, and how many weeks into it."""
    for phase in phases[:-1]:
        if number < phase["weeks"]:
            return phase, number
        number -= phase["weeks"]
    return phases[-1], number


def _nth(options: Sequence[str], number: int) -> str:
    return options[number % len(options)]


def _emotion(told: Sequence[Any], part: float, chance: random.Random) -> Emotion:
    """`part` 0 is the phase's beginning, 1 its end; people vary by a point around the line between."""
    name, first, last, valence = told
    intensity = round(first + (last - first) * part) + chance.choice((-1, 0, 0, 1))
    return Emotion(name=name, intensity=min(10, max(0, intensity)), valence=Valence(valence))


def _risk(phase: Mapping[str, Any], week: int) -> RiskImpression:
    told = phase.get("risk")
    if told is None or week > 3:
        return RiskImpression(level=RiskLevel.NONE)
    return RiskImpression(level=RiskLevel(told["level"]), text=told["text"])


def _identity(story: Mapping[str, Any]) -> IdentityContent:
    emergency = story["emergency"]
    return IdentityContent(
        names=(PersonName(family=story["family"], given=story["given"]),),
        birth_date=story["birth_date"],
        pronouns=story["pronouns"],
        contacts=(
            Contact(kind=ContactKind.PHONE, value=story["phone"], label="mobile", may_leave_message=True),
            Contact(kind=ContactKind.EMAIL, value=story["email"]),
        ),
        address=Address(city=story["city"], country=story["country"]),
        emergency_contacts=(
            EmergencyContact(
                name=PersonName(family=emergency["family"], given=emergency["given"]),
                relationship=emergency["relationship"],
                contacts=(Contact(kind=ContactKind.PHONE, value=emergency["phone"]),),
            ),
        ),
        locale=story["locale"],
        zone=story["zone"],
    )
