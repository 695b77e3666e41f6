"""A deployment with a clinician, and files to import into it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from domain.ports.call import Role
from ops.bootstrap import Part, System, build
from ops.hosting import call_of_host
from ops.settings import Settings
from tests.ops.conftest import found

LOGIN = "ines@practice.example"
COLUMNS = (
    "transcript_id",
    "mi_quality",
    "video_title",
    "video_url",
    "topic",
    "utterance_id",
    "interlocutor",
    "timestamp",
    "utterance_text",
    "main_therapist_behaviour",
    "client_talk_type",
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return found(tmp_path / "data")


@pytest.fixture
def system(settings: Settings) -> Iterator[System]:
    with build(settings, parts=Part.HOST) as built:
        with_account(built, LOGIN)
        yield built


def with_account(system: System, login: str, role: Role = Role.CLINICIAN) -> None:
    system.services.accounts.bootstrap(
        call_of_host(system),
        system.ids.opaque(),
        login=login,
        password="correct horse battery",
        display_name="Somebody",
        role=role,
    )


def row(transcript: object, number: object, **cells: str) -> dict[str, str]:
    """One utterance: the therapist asks, the client answers."""
    asks = isinstance(number, int) and number % 2 == 0
    told = {
        "transcript_id": str(transcript),
        "mi_quality": "high",
        "video_title": "A conversation",
        "video_url": "https://video.example/1",
        "topic": "more exercise",
        "utterance_id": str(number),
        "interlocutor": "therapist" if asks else "client",
        "timestamp": f"00:00:{int(number) % 60:02}" if isinstance(number, int) else "00:00:00",
        "utterance_text": f"What of {transcript}?" if asks else f"It is {number}, said {transcript}.",
        "main_therapist_behaviour": "question" if asks else "n/a",
        "client_talk_type": "n/a" if asks else "change",
    }
    return told | cells


def rows(transcripts: int, utterances: int = 4) -> list[dict[str, str]]:
    return [row(f"t{each}", number) for each in range(transcripts) for number in range(utterances)]


@pytest.fixture
def written(tmp_path: Path) -> Callable[[Sequence[dict[str, str]]], Path]:
    """Rows as a CSV file; `newline` and `encoding` as asked."""

    def write(told: Sequence[dict[str, str]], *, newline: str = "\n", encoding: str = "utf-8") -> Path:
        path = tmp_path / "conversations.csv"
        columns = list(told[0]) if told else list(COLUMNS)
        with path.open("w", encoding=encoding, newline="") as file:
            writer = csv.DictWriter(file, columns, lineterminator=newline)
            writer.writeheader()
            writer.writerows(told)
        return path

    return write
