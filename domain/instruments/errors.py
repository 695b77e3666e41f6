"""What can be wrong with a questionnaire that was filled in. Names items by their number, never an answer."""

from domain.errors import Conflict, Invalid, NotFound


class InstrumentUnknown(Invalid):
    code = "instrument_unknown"
    message = "There is no instrument of this key."
    hint = "GET /v1/instruments lists those there are."


class InstrumentNotFound(NotFound):
    """For whoever asks to read one; `InstrumentUnknown` is for whoever names one in what they send."""

    code = "instrument_not_found"
    message = "There is no such instrument, or no such version of it."
    hint = "GET /v1/instruments lists those there are."


class InstrumentVersionUnknown(Invalid):
    code = "instrument_version_unknown"
    message = "The instrument has no such version."
    hint = "Leave the version out to use the current one; GET /v1/instruments/{key} tells what it is."


class InstrumentRetired(Conflict):
    code = "instrument_retired"
    message = "This version of the instrument is retired: what was recorded with it stays readable, nothing new is."
    hint = "Use the current version; GET /v1/instruments/{key} tells what it is."


class AnswersIncomplete(Invalid):
    code = "answers_incomplete"
    message = "Too many items have no answer for a score."
    hint = "Ask for the missing answers; a score is only estimated where the instrument's literature allows it."


class AnswerOutOfRange(Invalid):
    code = "answer_out_of_range"
    message = "An answer lies outside its item's range."
