"""Published questionnaires as they are answered: our own descriptors, never their wording."""

from typing import Any, Final

from api.models.common import Out, example

_EXAMPLE: Final[dict[str, Any]] = {
    "key": "gad-7",
    "version": "1",
    "retired": False,
    "title": "Generalized Anxiety Disorder-7 (GAD-7)",
    "concept": "severity of anxiety symptoms",
    "note": "",
    "licence": {"statement": "No permission is needed.", "source": "phqscreeners"},
    "recall_days": 14,
    "items": [{"number": 1, "about": "nervousness", "least": 0, "most": 3, "reversed": False}],
    "responses": [{"value": 0, "label": "0: absent"}],
    "scoring": {"rule": "sum", "multiplier": 1, "least": 0.0, "most": 21.0, "higher_is_worse": True},
    "proration": {"missing_most": 1, "source": "shrive-2006"},
    "severity": {"bands": [{"score": 10, "label": "moderate"}], "source": "spitzer-2006"},
    "clinical_cutoff": {"score": 10, "source": "spitzer-2006"},
    "reliable_change": {
        "threshold": 3.68,
        "sd": 4.7,
        "reliability": 0.92,
        "population": "Primary care patients with generalised anxiety disorder.",
        "assumed": False,
        "source": "spitzer-2006",
    },
    "minimal_important_difference": {"points": 4, "source": "toussaint-2020"},
    "critical_items": [
        {
            "number": 9,
            "levels": {"1": "moderate", "2": "high", "3": "high"},
            "unanswered": "low",
            "source": "simon-2013",
        }
    ],
    "citations": [
        {
            "key": "spitzer-2006",
            "text": "Spitzer RL, Kroenke K, Williams JBW, Löwe B. A brief measure for assessing generalized anxiety disorder.",
            "doi": "10.1001/archinte.166.10.1092",
            "url": "",
        }
    ],
}
_SHORT: Final = ("key", "version", "retired", "title", "concept", "recall_days", "scoring")


class LicenceOut(Out):
    """On which terms the questionnaire may be used, in our own words; `source` is a key of `citations`."""

    statement: str
    source: str


class QuestionOut(Out):
    """`about` is a short descriptor. A reversed item counts least + most less its answer."""

    number: int
    about: str
    least: int
    most: int
    reversed: bool


class AnswerOut(Out):
    value: int
    label: str


class ScoringOut(Out):
    """The score is the sum of the items times `multiplier`, from `least` to `most`."""

    rule: str
    multiplier: int
    least: float
    most: float
    higher_is_worse: bool


class ProrationOut(Out):
    """While at most `missing_most` items have no answer, the mean of the others stands in for them."""

    missing_most: int
    source: str


class SeverityBandOut(Out):
    """The label holds from this score on; for an instrument where low is worse, up to it."""

    score: float
    label: str


class SeverityOut(Out):
    bands: tuple[SeverityBandOut, ...]
    source: str


class ClinicalCutoffOut(Out):
    """Where the clinical range begins; null where there is no single score."""

    score: float | None
    source: str


class ChangeParametersOut(Out):
    """`threshold` = 1.96 · sd · √(2(1 - reliability)), in points. `assumed` tells that `source` names an assumption."""

    threshold: float
    sd: float
    reliability: float
    population: str
    assumed: bool
    source: str


class ImportantDifferenceOut(Out):
    """The smallest difference that matters to people; null where none is established."""

    points: float | None
    source: str


class CriticalItemOut(Out):
    """The level of the risk flag that an answer raises, by answer; `unanswered` that of an item left out, empty for none."""

    number: int
    levels: dict[str, str]
    unanswered: str
    source: str


class CitationOut(Out):
    key: str
    text: str
    doi: str
    url: str


class InstrumentItemOut(Out):
    """An instrument as the list shows it."""

    key: str
    version: str
    retired: bool
    title: str
    concept: str
    recall_days: int
    scoring: ScoringOut

    model_config = example({name: _EXAMPLE[name] for name in _SHORT})


class InstrumentsOut(Out):
    items: tuple[InstrumentItemOut, ...]

    model_config = example({"items": [{name: _EXAMPLE[name] for name in _SHORT}]})


class InstrumentOut(InstrumentItemOut):
    """All that is held of a version. Every `source` names keys of `citations`, or says what it rests on."""

    note: str
    licence: LicenceOut
    items: tuple[QuestionOut, ...]
    responses: tuple[AnswerOut, ...]
    proration: ProrationOut | None
    severity: SeverityOut
    clinical_cutoff: ClinicalCutoffOut
    reliable_change: ChangeParametersOut
    minimal_important_difference: ImportantDifferenceOut
    critical_items: tuple[CriticalItemOut, ...]
    citations: tuple[CitationOut, ...]

    model_config = example(_EXAMPLE)
