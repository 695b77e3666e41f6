"""The tables of exclusions are exact: what they name exists, and whatever PEFT has is adopted or named there."""

import pytest

from tests.conformance.peft_source import missing_source, own_tests

if reason := missing_source():
    pytest.skip(reason, allow_module_level=True)

from itertools import product

from tests.conformance import test_custom_models, test_decoder_models
from tests.conformance.adopt import functions_of, written_names
from tests.conformance.cases import BY_DEFAULT, DECODERS, lora_rows, runs_by_default
from tests.conformance.exclusions import CLASSES_LEFT_OUT, EXCLUDED, LEFT_OUT, ROWS_LEFT_OUT, SKIPPED_BY_PEFT

MODULES = {"test_custom_models": test_custom_models, "test_decoder_models": test_decoder_models}


def classes_of_peft():
    return {
        name: found
        for module in MODULES
        for name, found in vars(own_tests(module)).items()
        if name.startswith("Test") and found.__module__ == own_tests(module).__name__
    }


def adopted(name):
    return next(getattr(ours, name) for ours in MODULES.values() if hasattr(ours, name))


def cases_of(test):
    """The ids of a test's cases, built as pytest builds them."""
    marks = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    ids = [[id_of(case, f"{written_names(mark)}{i}") for i, case in enumerate(mark.args[1])] for mark in marks]
    return {"-".join(chosen) for chosen in product(*ids)}


def id_of(case, numbered):
    written = str(case) if isinstance(case, str | int | float) else numbered
    return getattr(case, "id", None) or written


def test_every_class_of_pefts_is_adopted_or_named():
    assert set(classes_of_peft()) == set(LEFT_OUT) | set(CLASSES_LEFT_OUT)
    assert set(LEFT_OUT) & set(CLASSES_LEFT_OUT) == set()


@pytest.mark.parametrize("name", LEFT_OUT)
def test_every_test_of_pefts_is_adopted_or_named(name):
    there = dict(functions_of(classes_of_peft()[name]))
    assert set(LEFT_OUT[name]) - set(there) == set(), "left out, but PEFT has it no more"
    runs = {test for test in there if callable(getattr(adopted(name), test))}
    assert runs == set(there) - set(LEFT_OUT[name])
    assert runs != set()


def test_every_row_of_loras_is_run_or_named():
    rows = {name for name, _, _ in lora_rows()}
    assert set(ROWS_LEFT_OUT) - rows == set(), "left out, but PEFT has it no more"
    run = {value.values[0] for value in test_custom_models.CASES["test_name,model_id,config_cls,config_kwargs"]}
    assert run == rows - set(ROWS_LEFT_OUT)


@pytest.mark.parametrize("exclusion", [*EXCLUDED, *SKIPPED_BY_PEFT], ids=lambda one: one.test)
def test_every_exclusion_names_cases_that_exist(exclusion):
    name, function = exclusion.test.split("::")
    test = getattr(adopted(name), function)
    assert any(exclusion.matches(exclusion.test, case) for case in cases_of(test))


def test_no_case_stands_in_two_tables():
    for one, other in product(EXCLUDED, SKIPPED_BY_PEFT):
        assert one.test != other.test


def test_a_reason_is_a_sentence():
    reasons = [
        *ROWS_LEFT_OUT.values(),
        *CLASSES_LEFT_OUT.values(),
        *(r for one in LEFT_OUT.values() for r in one.values()),
    ]
    reasons += [one.reason for one in [*EXCLUDED, *SKIPPED_BY_PEFT]]
    assert [reason for reason in reasons if len(reason.split()) < 4] == []


def test_by_default_every_decoder_runs_and_every_configuration_meets_two():
    chosen = [(config, name) for config in BY_DEFAULT for name in DECODERS if runs_by_default(f"{config}-{name}")]
    assert {name for _, name in chosen} == set(DECODERS)
    for config in BY_DEFAULT:
        assert sum(one == config for one, _ in chosen) >= 2


def test_every_parameter_that_holds_a_configuration_was_replaced():
    for name in LEFT_OUT:
        for test_name, test in functions_of(adopted(name)):
            if test is None:
                continue
            for mark in test.pytestmark:
                if "config" in written_names(mark):
                    values = [value for case in mark.args[1] for value in getattr(case, "values", [case])]
                    assert "peft.tuners" not in str([getattr(value, "__module__", "") for value in values]), test_name
