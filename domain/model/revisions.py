"""Plans that are rewritten as treatment goes on: each former text stays readable."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

from domain.errors import NotFound

C = TypeVar("C")


class PlanStatus(StrEnum):
    ACTIVE = "active"
    ENTERED_IN_ERROR = "entered_in_error"


class RevisionNotFound(NotFound):
    code = "revision_not_found"
    message = "The plan has no such version."
    hint = "Its field `revisions` lists the versions in which its text changed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision(Generic[C]):
    """A text of the plan, valid from `version` until the next one's. `error_reason` says why it counts for nothing."""

    version: int
    written_by: UUID
    written_at: datetime
    content: C
    error_reason: str = ""


class KeepsRevisions(Generic[C]):
    """Mixed into an aggregate whose events call `keep_revision` and `spoil_revisions`."""

    id: Any
    version: Any
    revisions: tuple[Revision[C], ...] = ()

    @property
    def content(self) -> C:
        """As it reads now."""
        return self.revisions[-1].content

    def revision_at(self, version: int | None) -> Revision[C]:
        """The text as it stood at that version of the plan; None for the newest. Raises RevisionNotFound."""
        if version is None:
            return self.revisions[-1]
        if not 1 <= version <= self.version:
            raise RevisionNotFound(id=self.id)
        return next(revision for revision in reversed(self.revisions) if revision.version <= version)

    def keep_revision(self, version: int, by: UUID, at: datetime, content: C) -> None:
        """For events that write or rewrite the text."""
        self.revisions = (
            *self.revisions,
            Revision(version=version, written_by=by, written_at=at, content=content),
        )

    def spoil_revisions(self, reason: str) -> None:
        """For the event that marks the plan as entered in error: what is written afterwards is a plan again."""
        self.revisions = tuple(
            revision if revision.error_reason else replace(revision, error_reason=reason) for revision in self.revisions
        )
