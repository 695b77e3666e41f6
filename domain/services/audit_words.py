"""What an audit entry says, in plain words: for clients, who never learnt the codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_VERBS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "abandon": "gave up",
        "acknowledge": "took on",
        "add_addendum": "added to",
        "attach": "attached",
        "change": "changed",
        "correct": "corrected",
        "cosign": "co-signed",
        "find": "looked for",
        "hold": "said what became of",
        "list": "listed",
        "make": "made",
        "mark_entered_in_error": "marked as entered in error",
        "miss": "said that nobody came to",
        "open": "opened",
        "read": "looked at",
        "record": "recorded",
        "record_progress": "recorded progress on",
        "sign": "signed",
        "write": "wrote",
    }
)
_SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client": "the chart",
        "identity": "who the client is",
        "session": "an entry about a session",
        "journey": "the journey",
        "progress": "how the client fares",
        "context": "parts of the record chosen for a model",
        "event": "a single event of the record",
        "measure": "a questionnaire",
        "diagnosis": "a diagnosis",
        "safety_plan": "the safety plan",
        "treatment_plan": "the treatment plan",
        "note": "a psychotherapy note",
        "export": "a copy of the record",
        "disclosure": "a disclosure",
        "audit": "who looked at the record",
    }
)
_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "audit.account_disclosures": "looked at to whom the record was disclosed",
        "audit.export": "exported audit entries",
        "audit.search": "searched the audit",
        "break_glass.end": "ended emergency access",
        "break_glass.open": "opened the record in an emergency",
        "break_glass.review": "reviewed an emergency access",
        "client.caseload": "saw the client in a list of their clients",
        "client.find": "looked whether there is a chart",
        "client.give_consent": "recorded a consent",
        "client.join_care_team": "let somebody into the care team",
        "client.leave_care_team": "took somebody out of the care team",
        "client.register": "opened the chart",
        "client.step_down": "left the care team",
        "client.withdraw_consent": "recorded that a consent was withdrawn",
        "disclosure.make": "sent something of the record to somebody else",
        "disclosure.record": "recorded that something of the record was given to somebody else",
        "progress.caseload": "saw how the client fares among all of their clients",
        "webhook.deliver": "told another program by an id that something was recorded",
        "worklist.read": "saw what waits to be done for the client",
    }
)


def in_words(action: str) -> str:
    """What somebody did, as a phrase that goes on from who: "looked at the journey"."""
    if action in _WHOLE:
        return _WHOLE[action]
    subject, _, verb = action.partition(".")
    what = _SUBJECTS.get(subject, f"a {subject}".replace("_", " "))
    if verb in _VERBS:
        return f"{_VERBS[verb]} {what}"
    return f"{verb} ({what})".replace("_", " ")
