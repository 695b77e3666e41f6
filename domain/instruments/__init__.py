"""Published questionnaires as cited, versioned data, and their scoring. Pure: standard library and `domain.errors`.

No questionnaire's wording is kept here: an item is a short descriptor of our own, an answer a number. Who hands a
questionnaire out brings the licensed form; `licence` says on which terms.
"""

from domain.instruments.catalogue import Instruments, instrument, instruments
from domain.instruments.errors import (
    AnswerOutOfRange,
    AnswersIncomplete,
    InstrumentNotFound,
    InstrumentRetired,
    InstrumentUnknown,
    InstrumentVersionUnknown,
)
from domain.instruments.instrument import (
    Band,
    Change,
    Citation,
    CriticalItem,
    Instrument,
    Item,
    Proration,
    Response,
    Scored,
)

__all__ = [
    "AnswerOutOfRange",
    "AnswersIncomplete",
    "Band",
    "Change",
    "Citation",
    "CriticalItem",
    "Instrument",
    "InstrumentNotFound",
    "InstrumentRetired",
    "InstrumentUnknown",
    "InstrumentVersionUnknown",
    "Instruments",
    "Item",
    "Proration",
    "Response",
    "Scored",
    "instrument",
    "instruments",
]
