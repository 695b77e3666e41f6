"""Contexts as they are asked for and answered."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from api.models.common import In, Label, Out, Rfc3339, example, instant
from domain.services.context import (
    BUDGET_LEAST,
    BUDGET_MOST,
    GOALS_MOST,
    THEMES_MOST,
    WORDS_MOST,
    Wanted,
)

ContextKind = Literal[
    "session",
    "appointment",
    "measure",
    "goal",
    "risk_flag",
    "treatment_plan",
    "diagnosis",
    "medication",
    "safety_plan",
    "transcript",
]
ContextClass = Literal["journal", "measures"]
_GOAL = "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d11"
_CLIENT = "3f1c9a52-77aa-4b10-9a52-6a4f5f0f3d10"
_SESSION = "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10"


class ContextIn(In):
    """`look_back` (90d, 12w, 6m, 2y) or `since` says where the period begins, the whole record if neither does; `until` where
    it ends, now by default. `words` is what somebody asked or wrote, in any language. `only` leaves out what names none of the
    goals and themes.
    """

    budget: Annotated[int, Field(ge=BUDGET_LEAST, le=BUDGET_MOST)] = 8192
    look_back: Annotated[str, StringConstraints(min_length=1, max_length=20)] | None = None
    since: Rfc3339 | None = None
    until: Rfc3339 | None = None
    kinds: Annotated[tuple[ContextKind, ...], Field(max_length=20, strict=False)] = ()
    classes: Annotated[tuple[ContextClass, ...], Field(max_length=5, strict=False)] = ()
    goals: Annotated[tuple[UUID, ...], Field(max_length=GOALS_MOST, strict=False)] = ()
    themes: Annotated[tuple[Label, ...], Field(max_length=THEMES_MOST, strict=False)] = ()
    words: Annotated[
        str, StringConstraints(max_length=WORDS_MOST), Field(json_schema_extra={"pattern": "^[^\\u0000]*$"})
    ] = ""
    only: bool = False

    model_config = example(
        {
            "budget": 8192,
            "look_back": "1y",
            "goals": [_GOAL],
            "themes": ["sleep"],
            "words": "What did she try when she could not sleep?",
        }
    )

    def wanted(self) -> Wanted:
        """Raises ZonelessTime, ImpossibleTime."""
        return Wanted(
            budget_tokens=self.budget,
            look_back=self.look_back,
            since=_instant(self.since, "since"),
            until=_instant(self.until, "until"),
            kinds=self.kinds,
            classes=self.classes,
            goal_ids=self.goals,
            themes=self.themes,
            words=self.words,
            only=self.only,
        )


class SourceOut(Out):
    """A record of the journey, and the positions of its events in the log, oldest first."""

    kind: str
    id: UUID
    positions: tuple[int, ...]


class ContextReasonOut(Out):
    """Why a record was chosen. `code` is one of `safety`, `newest_session`, `newest_score`, `current`, `recent`, `goal`,
    `theme`, `words`, `meaning`.
    """

    code: str
    text: str


class ContextItemOut(Out):
    """One record as a model is to read it. `whole` is false for an excerpt, with […] where sentences are missing. `parts` are
    0 to 1 each; `score` is their weighted sum.
    """

    kind: ContextKind
    id: UUID
    happened_at: Rfc3339
    state: str
    text: str
    whole: bool
    tokens: int
    score: float
    parts: dict[str, float]
    because: tuple[ContextReasonOut, ...]
    sources: tuple[SourceOut, ...]


class ContextOut(Out):
    """`items` oldest first. `tokens` counts all texts with a blank line between them, by `counted_by`; it never passes
    `budget`. `chosen_by` names what relevance was judged by. `left_out` counts, by kind, what was there and was not chosen.
    """

    client_id: UUID
    since: Rfc3339 | None
    until: Rfc3339
    budget: int
    tokens: int
    counted_by: str
    chosen_by: tuple[str, ...]
    items: tuple[ContextItemOut, ...]
    left_out: dict[str, int]
    entered_in_error: int

    model_config = example(
        {
            "client_id": _CLIENT,
            "since": "2025-03-02T23:00:00Z",
            "until": "2026-03-03T08:00:00Z",
            "budget": 8192,
            "tokens": 61,
            "counted_by": "estimate/1",
            "chosen_by": ["recency/1", "bm25/1"],
            "items": [
                {
                    "kind": "session",
                    "id": _SESSION,
                    "happened_at": "2026-03-02T09:00:00Z",
                    "state": "signed",
                    "text": "2026-03-02 Session, in person, 50 min\nThemes: sleep\nSlept five hours after leaving the phone "
                    "in the kitchen.",
                    "whole": True,
                    "tokens": 61,
                    "score": 4.8,
                    "parts": {"recency": 1.0, "goal": 0.0, "theme": 1.0, "words": 1.0, "kind": 0.3},
                    "because": [
                        {"code": "newest_session", "text": "The newest session of those asked for."},
                        {"code": "theme", "text": "Theme: sleep."},
                        {"code": "words", "text": "Says: sleep."},
                    ],
                    "sources": [{"kind": "session", "id": _SESSION, "positions": [1041, 1055]}],
                }
            ],
            "left_out": {"session": 41, "appointment": 46},
            "entered_in_error": 1,
        }
    )


def _instant(text: str | None, field: str) -> datetime | None:
    return None if text is None else instant(text, field)
