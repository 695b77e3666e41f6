"""Text that is read from a folder outside the tree: general definitions and sentences, and counselling dialogue.

None of it is copied into the tree, into a report or into weights that are shipped. What each file is and how it is licensed
stands in docs/benchmarks/moe-lora-learning.md.
"""

import csv
import json
import re
from collections import defaultdict
from html import unescape
from pathlib import Path
from typing import Final

COUNSEL_CHAT: Final = "dialogue/counsel-chat.csv"
ANNOMI: Final = "dialogue/annomi-simple.csv"
ONTOLOGIES: Final = ("ontology/bcio.owl", "ontology/mf.owl", "ontology/md-core.owl")
SENTENCES: Final = "deid/presidio-generated-large.json"
DEFINITION: Final = re.compile(r"<obo:IAO_0000115[^>]*>([^<]+)</obo:IAO_0000115>")
AN_ONTOLOGY_DOCUMENT: Final = 12
"""Definitions to a document: neighbours in an ontology resemble each other, so they are split together."""

TOPICS: Final = {
    "psychology": (
        "anger-management", "behavioral-change", "counseling-fundamentals", "legal-regulatory", "professional-ethics", "self-esteem",
    ),
    "mental_health": (
        "addiction", "anxiety", "depression", "diagnosis", "eating-disorders", "grief-and-loss", "self-harm", "sleep-improvement",
        "stress", "substance-abuse", "trauma",
    ),
    "bias_detection": (
        "domestic-violence", "human-sexuality", "lgbtq", "military-issues", "social-relationships", "spirituality",
        "workplace-relationships",
    ),
    "general_therapeutic": (
        "children-adolescents", "family-conflict", "intimacy", "marriage", "parenting", "relationship-dissolution", "relationships",
    ),
}  # fmt: skip
"""CounselChat's topics by domain. AnnoMI's transcripts, whatever their topic, are general_therapeutic."""


class DataMissing(ValueError):
    """A file of the data folder isn't there."""


def _open(folder: Path, name: str) -> str:
    path = folder / name
    if not path.is_file():
        raise DataMissing(f"no {name} in {folder}: give the folder that holds it, or leave out --real-data")
    return path.read_text(encoding="utf-8")


def general(folder: Path) -> list[str]:
    """Documents of general text: definitions of three ontologies, and generated sentences about people and places."""
    documents = []
    for name in ONTOLOGIES:
        found = [unescape(text).strip() for text in DEFINITION.findall(_open(folder, name))]
        texts = list(dict.fromkeys(text for text in found if len(text) > 30))
        documents += [
            "\n".join(texts[at : at + AN_ONTOLOGY_DOCUMENT]) for at in range(0, len(texts), AN_ONTOLOGY_DOCUMENT)
        ]
    by_template: dict[int, list[str]] = defaultdict(list)
    for row in json.loads(_open(folder, SENTENCES)):
        by_template[row["template_id"]].append(row["full_text"])
    return documents + ["\n".join(texts) for texts in by_template.values()]


def counsel_chat(folder: Path) -> dict[str, list[str]]:
    """By domain: a question with all its answers is one document, so that no question is both learnt and tested."""
    domains = {topic: domain for domain, topics in TOPICS.items() for topic in topics}
    home: dict[str, str] = {}
    answers: dict[str, list[str]] = defaultdict(list)
    for row in csv.DictReader(_open(folder, COUNSEL_CHAT).splitlines(keepends=True)):
        if row["topic"] not in domains:
            raise DataMissing(f"topic {row['topic']!r} of {COUNSEL_CHAT} belongs to no domain: add it to TOPICS")
        question = f"{row['questionTitle'].strip()}\n{row['questionText'].strip()}"
        # Some questions stand under two topics: the first one keeps all its answers.
        home.setdefault(question, domains[row["topic"]])
        answers[question].append(row["answerText"].strip())
    documents: dict[str, list[str]] = defaultdict(list)
    for question, texts in answers.items():
        documents[home[question]].append("\n\n".join([question, *dict.fromkeys(texts)]))
    return dict(documents)


def annomi(folder: Path) -> list[str]:
    """One document a video: two transcripts of the same one are never split apart."""
    videos: dict[str, list[str]] = defaultdict(list)
    for row in csv.DictReader(_open(folder, ANNOMI).splitlines(keepends=True)):
        videos[row["video_url"]].append(f"{row['interlocutor'].capitalize()}: {row['utterance_text'].strip()}")
    return ["\n".join(lines) for lines in videos.values()]


def dialogue(folder: Path) -> dict[str, list[str]]:
    """CounselChat and AnnoMI by domain."""
    documents = counsel_chat(folder)
    documents["general_therapeutic"] = documents["general_therapeutic"] + annomi(folder)
    return {domain: documents[domain] for domain in TOPICS}
