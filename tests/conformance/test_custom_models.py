"""PEFT's tests over custom models, run on our method at linear granularity."""

import pytest

from tests.conformance.peft_source import missing_source, own_tests

if reason := missing_source():
    pytest.skip(reason, allow_module_level=True)

from tests.conformance.adopt import adopt
from tests.conformance.cases import custom_cases, linear_config, two_adapters
from tests.conformance.exclusions import LEFT_OUT, ROWS_LEFT_OUT
from tests.conformance.models import NamedModels

upstream = own_tests("test_custom_models")
CASES = {
    "test_name,model_id,config_cls,config_kwargs": custom_cases(ROWS_LEFT_OUT),
    "test_name,tuner_method,config_cls,config_kwargs_1,config_kwargs_2": two_adapters(),
    "config_cls": [pytest.param(linear_config, id="linear-four")],
    "config0": [pytest.param(linear_config(target_modules=["lin0"], init_weights=False), id="linear-four")],
}
NAMES = {
    "LoraConfig": linear_config,
    "AutoModelForCausalLM": NamedModels,
    "AutoModelForSequenceClassification": NamedModels,
}


def adopted(name):
    return adopt(getattr(upstream, name), CASES, NAMES, LEFT_OUT[name])


def parameters_of_ours(model, name):
    """The names of our parameters where PEFT's test names one of LoRA's matrices; other names stay."""
    layer, matrix, adapter = name.partition(".lora_")[0], ".lora_" in name, name.split(".")[-2]
    if not matrix:
        return {name}
    found = {
        ours
        for ours, _ in model.named_parameters()
        if ours.startswith(f"{layer}.moe_lora_") and adapter in ours.split(".")
    }
    assert found, f"{layer} has no parameter of {adapter}"
    return found


TestPeftCustomModel = adopted("TestPeftCustomModel")
TestMultipleActiveAdapters = adopted("TestMultipleActiveAdapters")
TestPeftFsdpStateDict = adopted("TestPeftFsdpStateDict")


class TestRequiresGrad(adopted("TestRequiresGrad")):
    def check_requires_grad(self, model, *params_expected):
        expected = [parameters_of_ours(model, name) for name in params_expected]
        super().check_requires_grad(model, *set().union(*expected))
