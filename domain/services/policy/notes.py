"""Rules about psychotherapy notes (45 CFR 164.501, 164.508(a)(2)): their author, and whom law or the client puts beside.

Nobody else: not the team and its supervisors, not the client and who stands for them (45 CFR 164.524(a)(1)(i)), not an
emergency, no program, no officer of the house.
"""

from itertools import chain
from typing import Final

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.policy.actions import Action
from domain.services.policy.rule import AUTHOR, CARERS, COMPLIANCE, NOBODY, TREATING, Rule, rule

TREATMENT: Final = frozenset((Purpose.TREATMENT,))
_OFFICERS: Final = frozenset((Role.COMPLIANCE_OFFICER,))


def _of_class(record_class: RecordClass, named: str) -> tuple[Rule, ...]:
    return (
        rule(
            f"therapist_writes_{named}",
            "Who treats the client may keep notes of their own, apart from the record (45 CFR 164.501).",
            CARERS,
            TREATING,
            TREATMENT,
            record_class,
            Action.NOTE_WRITE,
        ),
        rule(
            f"author_keeps_{named}",
            "What a therapist wrote for themself is theirs to read and to rewrite (45 CFR 164.508(a)(2)(i)(A)).",
            CARERS,
            AUTHOR,
            TREATMENT,
            record_class,
            Action.NOTE_READ,
            Action.NOTE_CHANGE,
            Action.NOTE_MARK_ENTERED_IN_ERROR,
        ),
        rule(
            f"custodian_reads_{named}",
            "When the author can no longer, whom they named answers for what they left.",
            CARERS,
            frozenset((Relation.CUSTODIAN,)),
            TREATMENT,
            record_class,
            Action.NOTE_READ,
        ),
        rule(
            f"authorised_reads_{named}",
            "The client authorised it in writing (45 CFR 164.508(a)(2)).",
            CARERS,
            frozenset((Relation.AUTHORISED,)),
            TREATMENT,
            record_class,
            Action.NOTE_READ,
        ),
    )


_FOLDERS: Final[tuple[Rule, ...]] = (
    rule(
        "author_keeps_folder",
        "The author sees which notes there are, records who may read them, and says who keeps them afterwards.",
        CARERS,
        AUTHOR,
        TREATMENT,
        RecordClass.NOTES,
        Action.NOTE_LIST,
        Action.NOTE_AUTHORISE,
        Action.NOTE_REVOKE_AUTHORISATION,
        Action.NOTE_NAME_CUSTODIAN,
    ),
    rule(
        "custodian_keeps_folder",
        "A custodian takes over once the author is gone, and then answers for who reads.",
        CARERS,
        frozenset((Relation.CUSTODIAN,)),
        TREATMENT,
        RecordClass.NOTES,
        Action.NOTE_TAKE_CUSTODY,
        Action.NOTE_LIST,
        Action.NOTE_AUTHORISE,
        Action.NOTE_REVOKE_AUTHORISATION,
    ),
    rule(
        "authorised_sees_folder",
        "Who was let in must find what they were let in to.",
        CARERS,
        frozenset((Relation.AUTHORISED,)),
        TREATMENT,
        RecordClass.NOTES,
        Action.NOTE_LIST,
    ),
    rule(
        "keeper_finds_folders",
        "Whose notes one keeps, by ids alone.",
        CARERS,
        NOBODY,
        TREATMENT,
        RecordClass.NOTES,
        Action.NOTE_FIND,
    ),
    rule(
        "compliance_places_notes",
        "When somebody leaves without a word, somebody must say who keeps the notes, and end what the client took back.",
        _OFFICERS,
        NOBODY,
        COMPLIANCE,
        RecordClass.NOTES,
        Action.NOTE_FIND,
        Action.NOTE_NAME_CUSTODIAN,
        Action.NOTE_REVOKE_AUTHORISATION,
    ),
)

RULES: Final[tuple[Rule, ...]] = tuple(
    chain(_of_class(RecordClass.NOTES, "notes"), _of_class(RecordClass.SUD_NOTES, "sud_notes"), _FOLDERS)
)
