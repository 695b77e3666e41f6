"""The permission table against policy.cedar: the same policy, stated apart from the rules, decided by another engine.

The quick test asks about everything that is one step from an allowed combination, and about others drawn by chance; the
long one about every combination there is.
"""

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Final

import cedarpy
import pytest

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass
from domain.services.access import Action, compiled, decide
from domain.services.policy import RULES

Combination = tuple[Role, Action, RecordClass, Relation, bool, Purpose]
COLUMNS: Final = (tuple(Role), tuple(Action), tuple(RecordClass), tuple(Relation), (True, False), tuple(Purpose))
POLICY: Final = cedarpy.PolicySet.from_str((Path(__file__).parent / "policy.cedar").read_text())
AT_ONCE: Final = 20_000
DRAWN: Final = 5_000
SEED: Final = 20_260_302
_CARERS: Final = (Role.CLINICIAN, Role.SUPERVISOR)
_HOUSE: Final = (Role.OPERATOR, Role.COMPLIANCE_OFFICER, Role.ML_ENGINEER)
_NOTES: Final = (RecordClass.NOTES, RecordClass.SUD_NOTES)
_LEAVES: Final = (RecordClass.JOURNAL, RecordClass.IDENTITY, RecordClass.MEASURES, RecordClass.SUD)


def entity(kind: str, name: str, *groups: tuple[str, str]) -> dict[str, object]:
    return {
        "uid": {"type": kind, "id": name},
        "attrs": {},
        "parents": [{"type": group, "id": member} for group, member in groups],
    }


def entities() -> list[dict[str, object]]:
    """Which groups roles, classes and actions are in."""
    roles = []
    for role in Role:
        groups = [("Group", "people")] if role is not Role.SERVICE else []
        groups += [("Group", "carers")] if role in _CARERS else []
        groups += [("Group", "house")] if role in _HOUSE else []
        roles.append(entity("Role", role.value, *groups))
    classes = []
    for each in RecordClass:
        groups = [] if each.of_organisation else [("Class", "record")]
        groups += [("Class", "all_notes")] if each in _NOTES else []
        groups += [("Class", "leaves")] if each in _LEAVES else []
        classes.append(entity("Class", each.value, *groups))
    subjects = {action.value.partition(".")[0] for action in Action}
    actions = [entity("Action", action.value, ("Action", action.value.partition(".")[0])) for action in Action]
    groups_ = [entity("Action", subject) for subject in sorted(subjects)]
    return [*roles, *classes, *actions, *groups_]


ENTITIES: Final = cedarpy.Entities.from_json_str(json.dumps(entities()))


def in_cedar(asked: Sequence[Combination]) -> list[bool]:
    requests = [
        {
            "principal": {"type": "Role", "id": role.value},
            "action": {"type": "Action", "id": action.value},
            "resource": {"type": "Class", "id": record_class.value},
            "context": {"relation": relation.value, "consented": consented, "purpose": purpose.value},
        }
        for role, action, record_class, relation, consented, purpose in asked
    ]
    return [answer.allowed for answer in cedarpy.is_authorized_batch(requests, POLICY, ENTITIES)]


def compare(asked: Iterable[Combination]) -> int:
    """How many were asked. The first few that differ are told, each with what the table says."""
    asked, count, differ = iter(asked), 0, []
    while some := list(islice(asked, AT_ONCE)):
        count += len(some)
        for combination, allowed in zip(some, in_cedar(some), strict=True):
            decision = decide(*combination)
            if decision.allowed is not allowed:
                differ.append((*(getattr(each, "value", each) for each in combination), decision.reason))
    assert differ[:20] == []
    return count


def neighbours(combination: Combination) -> Iterator[Combination]:
    """One step away: all columns but one as they are."""
    for place, values in enumerate(COLUMNS):
        for value in values:
            if value != combination[place]:
                yield (*combination[:place], value, *combination[place + 1 :])  # type: ignore[misc]  # the columns are in their order


def test_cedar_allows_all_that_the_table_allows():
    assert compare(compiled(RULES)) > 3_000


def test_cedar_and_the_table_agree_on_what_is_one_step_from_allowed():
    chance = random.Random(SEED)
    near = [chance.choice(list(neighbours(combination))) for combination in compiled(RULES) for _ in range(3)]
    assert compare(near) > 9_000


def test_cedar_and_the_table_agree_on_what_chance_asks():
    chance = random.Random(SEED)
    assert compare(tuple(map(chance.choice, COLUMNS)) for _ in range(DRAWN)) == DRAWN  # type: ignore[misc]  # the columns are in their order


@pytest.mark.faults
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("role", Role)
def test_cedar_and_the_table_agree_on_everything(role):
    every = product((role,), *COLUMNS[1:])
    assert compare(every) == len(Action) * len(RecordClass) * len(Relation) * 2 * len(Purpose)
