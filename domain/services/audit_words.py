"""What an audit entry says, in plain words: for clients, who never learnt the codes."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from domain.ports.audit import Outcome

_VERBS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "abandon": "gave up",
        "acknowledge": "took on",
        "add_addendum": "added to",
        "amend": "changed",
        "attach": "attached",
        "cancel": "cancelled",
        "change": "changed",
        "complete": "completed",
        "correct": "corrected",
        "cosign": "co-signed",
        "discard": "threw away",
        "end": "ended",
        "escalate": "passed up",
        "find": "looked for",
        "hold": "said what became of",
        "lift": "lifted",
        "list": "listed",
        "make": "made",
        "mark_entered_in_error": "marked as entered in error",
        "miss": "said that nobody came to",
        "open": "opened",
        "place": "placed",
        "plan": "planned",
        "raise": "raised",
        "reach_milestone": "recorded a milestone of",
        "read": "looked at",
        "record": "recorded",
        "record_progress": "recorded progress on",
        "reopen": "took up again",
        "request": "asked for",
        "reschedule": "moved",
        "resolve": "resolved",
        "return": "sent back for correction",
        "revise": "revised",
        "save": "wrote",
        "set": "set",
        "sign": "signed",
        "write": "wrote",
    }
)
_SUBJECTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "agreement": "an agreement with a recipient",
        "appointment": "an appointment",
        "audit": "who looked at the record",
        "changes": "which records changed",
        "client": "the chart",
        "context": "parts of the record chosen for a model",
        "diagnosis": "a diagnosis",
        "disclosure": "a disclosure",
        "draft": "the draft of an entry",
        "erasure": "the erasure of the record",
        "event": "a single event of the record",
        "export": "a copy of the record",
        "hold": "a legal hold on the record",
        "identity": "who the client is",
        "instrument": "a questionnaire's form",
        "journey": "the journey",
        "measure": "a questionnaire",
        "note": "a psychotherapy note",
        "progress": "how the client fares",
        "report": "a report",
        "safety_plan": "the safety plan",
        "session": "an entry about a session",
        "treatment_plan": "the treatment plan",
    }
)
_WHOLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "audit.account_disclosures": "looked at to whom the record was disclosed",
        "audit.export": "exported audit entries",
        "audit.read_of_client": "looked at who looked at the record",
        "audit.read_own": "looked at what is on record about themself",
        "audit.search": "searched the audit",
        "break_glass.end": "ended emergency access",
        "break_glass.open": "opened the record in an emergency",
        "break_glass.read": "looked at an emergency access",
        "break_glass.review": "reviewed an emergency access",
        "client.caseload": "saw the client in a list of their clients",
        "client.end_representation": "ended that somebody stands for the client",
        "client.find": "looked whether there is a chart",
        "client.give_consent": "recorded a consent",
        "client.join_care_team": "let somebody into the care team",
        "client.leave_care_team": "took somebody out of the care team",
        "client.let_representative_in": "let somebody stand for the client",
        "client.register": "opened the chart",
        "client.step_down": "left the care team",
        "client.withdraw_consent": "recorded that a consent was withdrawn",
        "disclosure.make": "sent something of the record to somebody else",
        "disclosure.record": "recorded that something of the record was given to somebody else",
        "draft.discard_stale": "threw away drafts that were left lying",
        "erasure.carry_out": "erased the record",
        "import.run": "took the record over from elsewhere",
        "note.authorise": "recorded who may read psychotherapy notes",
        "note.find": "looked whether there are psychotherapy notes",
        "note.list": "listed psychotherapy notes",
        "note.name_custodian": "named who takes over psychotherapy notes",
        "note.revoke_authorisation": "ended that somebody may read psychotherapy notes",
        "note.take_custody": "took over psychotherapy notes",
        "progress.caseload": "saw how the client fares among all of their clients",
        "report.list": "listed reports",
        "risk_flag.escalate_overdue": "passed up risk flags that nobody took on",
        "webhook.deliver": "told another program by an id that something was recorded",
        "worklist.read": "saw what waits to be done for the client",
        "worklist.sweep": "looked through what waits to be done",
    }
)
_OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {Outcome.DENIED: "asked for this and was refused:", Outcome.FAILED: "tried, and did not succeed:"}
)
_KEPT: Final = frozenset(("note", "risk_flag"))
"""What clients and representatives are not shown of a record: that something was done is told, and not with what."""
KEPT: Final = "record.other"


def as_told_to_clients(action: str, *, stands: bool) -> str:
    """The action's code, or `KEPT` where already the code tells of what the client isn't shown; or, with `stands`, what is
    kept from who stands for them.
    """
    subject = action.partition(".")[0]
    return KEPT if subject in _KEPT or (stands and subject == "disclosure") else action


def in_words(action: str, outcome: str = Outcome.ALLOWED) -> str:
    """What somebody did, as a phrase that goes on from who: "looked at the journey"; or that they were refused."""
    phrase = _phrase(action)
    return f"{_OUTCOMES[outcome]} {phrase}" if outcome in _OUTCOMES else phrase


def _phrase(action: str) -> str:
    if action in _WHOLE:
        return _WHOLE[action]
    if action == KEPT:
        return "worked with a part of the record that is not shown here"
    subject, _, verb = action.partition(".")
    what = _SUBJECTS.get(subject, f"a {subject}".replace("_", " "))
    if verb in _VERBS:
        return f"{_VERBS[verb]} {what}"
    return f"{verb} ({what})".replace("_", " ")
