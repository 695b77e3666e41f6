"""The sample clinic: 25 clients over up to two years, the same for the same seed and day."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from domain.services.imports import ImportedRecord
from ops.samples import faces
from ops.samples.chart import Cast, Chart
from ops.samples.faces import Face
from ops.samples.marks import finish
from ops.samples.scripts import SCRIPTS, Script
from ops.samples.words import told

SEED: Final = 1
"""Of the stories; the ids have a seed of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One client, not built yet."""

    script: Script
    face: Face
    cast: Cast
    seed: int
    today: date
    zone: str

    @property
    def client_id(self) -> UUID:
        return self.cast.id(f"client/{self.script.key}")

    @property
    def digest(self) -> bytes:
        return f"samples/{self.seed}/{self.today}/{self.script.key}".encode()

    def chart(self) -> Chart:
        """The whole record, its events pending."""
        chance = random.Random(f"anamnesis/samples/{self.seed}/{self.script.key}")  # noqa: S311 - invented histories, not secrets
        chart = Chart(
            script=self.script, face=self.face, cast=self.cast, today=self.today, zone=self.zone, chance=chance
        )
        chart.build()
        finish(chart)
        return chart

    def record(self) -> ImportedRecord:
        """To be taken over in one append."""
        return ImportedRecord(client_id=self.client_id, digest=self.digest, aggregates=tuple(self.chart().aggregates))

    def outline(self) -> ImportedRecord:
        """To ask whether the client is there already, without building the record."""
        return ImportedRecord(client_id=self.client_id, digest=self.digest, aggregates=())


def clinic(today: date, zone: str, cast: Cast, seed: int = SEED) -> tuple[Plan, ...]:
    """All of them, in the order of `SCRIPTS`; everything they did lies before `today`, appointments apart."""
    plans = zip(SCRIPTS, _faces(today, seed), strict=True)
    return tuple(Plan(script=script, face=face, cast=cast, seed=seed, today=today, zone=zone) for script, face in plans)


def _faces(today: date, seed: int) -> Iterator[Face]:
    people = told()["people"]
    yield from map(faces.known, people)
    chance = random.Random(f"anamnesis/faces/{seed}")  # noqa: S311 - invented people, not secrets
    yield from faces.invented(len(SCRIPTS) - len(people), today, chance)
