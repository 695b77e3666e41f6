"""Session journal entries as they are sent and answered."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import Field

from api.models.common import (
    In,
    Label,
    LongText,
    MarkedOut,
    MomentIn,
    MomentOut,
    Out,
    Reason,
    Rfc3339,
    Summary,
    example,
)
from domain.model.session import SessionContent, SessionStatus
from domain.model.values import Emotion, Modality, RiskImpression, RiskLevel, Valence

CONTENT_EXAMPLE: Final = {
    "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "in_person",
    "summary": "Reviewed the week's exposure exercises. The train journey was easier than expected; slept six hours.",
    "themes": ["avoidance", "sleep"],
    "emotions": [{"name": "anxiety", "intensity": 5, "valence": "negative"}],
    "interventions": ["graded exposure", "sleep hygiene"],
    "goal_ids": [],
    "homework": "Two train journeys alone; keep the sleep diary.",
    "risk": {"level": "none", "text": ""},
    "next_plan": "Plan the flight; look at the diary together.",
}
SESSION_EXAMPLE: Final = {
    "id": "01950f2e-6d3b-7c11-9a52-6a4f5f0f3d10",
    "client_id": "7d0f3c0e-3b0b-4a7e-8f0c-2f1f0c8d5a11",
    "version": 2,
    "status": "signed",
    "author_id": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
    "supervisor_id": None,
    "recorded_at": "2026-03-02T10:05:11.120000Z",
    "changed_at": "2026-03-02T10:07:30.004000Z",
    "signed_by": "c4a0a0fe-0a4d-4b0e-9a55-3a0e8f6f1b22",
    "signed_at": "2026-03-02T10:07:30.004000Z",
    "cosigned_by": None,
    "cosigned_at": None,
    "return_comment": "",
    "error_reason": "",
    "content": CONTENT_EXAMPLE
    | {
        "took_place": {
            "instant": "2026-03-02T09:00:00Z",
            "local": "2026-03-02T10:00:00+01:00",
            "zone": "Europe/Berlin",
        }
    },
    "addenda": [],
}


class EmotionModel(In):
    """A named emotional state; intensity 0 (absent) to 10 (as strong as can be)."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    intensity: Annotated[int, Field(ge=0, le=10)]
    valence: Valence


class RiskModel(In):
    """The clinician's impression of risk to self or others. A level above none needs a sentence that says why."""

    level: RiskLevel
    text: Annotated[str, Field(max_length=10_000)] = ""


class SessionContentIn(In):
    """What the author writes."""

    took_place: MomentIn
    duration_min: Annotated[int, Field(ge=1, le=1440, description="Minutes spent together.")]
    modality: Modality
    summary: Summary
    themes: Annotated[tuple[Label, ...], Field(max_length=50)] = ()
    emotions: Annotated[tuple[EmotionModel, ...], Field(max_length=50)] = ()
    interventions: Annotated[tuple[Label, ...], Field(max_length=50)] = ()
    goal_ids: Annotated[tuple[UUID, ...], Field(max_length=100)] = ()
    homework: LongText = ""
    risk: RiskModel | None = None
    next_plan: LongText = ""

    model_config = example(CONTENT_EXAMPLE)

    def content(self) -> SessionContent:
        """Raises Invalid for times that can't be."""
        return SessionContent(
            took_place=self.took_place.moment("took_place"),
            duration_min=self.duration_min,
            modality=self.modality,
            summary=self.summary,
            themes=self.themes,
            emotions=tuple(Emotion(name=e.name, intensity=e.intensity, valence=e.valence) for e in self.emotions),
            interventions=self.interventions,
            goal_ids=self.goal_ids,
            homework=self.homework,
            risk=RiskImpression(level=self.risk.level, text=self.risk.text) if self.risk else None,
            next_plan=self.next_plan,
        )


class SessionIn(SessionContentIn):
    """A new entry. `draft_id` names the draft it was written from, which goes with it. `substance_use` says, for good, that it
    is a record of substance-use treatment (42 CFR Part 2), which others read with the client's consent only.
    """

    draft_id: UUID | None = None
    substance_use: bool = False

    model_config = example(CONTENT_EXAMPLE)


class AddendumIn(In):
    text: Annotated[str, Field(min_length=1, max_length=20_000)]

    model_config = example({"text": "Client called in the evening: the second journey went well too."})


class ReturnIn(In):
    """What is missing before the supervisor can co-sign."""

    comment: Reason

    model_config = example({"comment": "Please add the risk impression you told me of."})


class SessionContentOut(Out):
    took_place: MomentOut
    duration_min: int
    modality: Modality
    summary: str
    themes: tuple[str, ...]
    emotions: tuple[EmotionModel, ...]
    interventions: tuple[str, ...]
    goal_ids: tuple[UUID, ...]
    homework: str
    risk: RiskModel | None
    next_plan: str


class AddendumOut(Out):
    id: UUID
    author_id: UUID
    added_at: Rfc3339
    text: str


class SessionOut(MarkedOut):
    """`content` is what the author wrote; after signing it never changes, and addenda stand beside it."""

    id: UUID
    client_id: UUID
    version: int
    status: SessionStatus
    author_id: UUID
    supervisor_id: UUID | None
    recorded_at: Rfc3339
    changed_at: Rfc3339
    signed_by: UUID | None
    signed_at: Rfc3339 | None
    cosigned_by: UUID | None
    cosigned_at: Rfc3339 | None
    return_comment: str
    error_reason: str
    content: SessionContentOut
    addenda: tuple[AddendumOut, ...]

    model_config = example(SESSION_EXAMPLE)
