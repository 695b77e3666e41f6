"""PEFT's tests over decoders, run on our method at both granularities over six tiny models."""

import pytest

from tests.conformance.peft_source import missing_source, own_tests

if reason := missing_source():
    pytest.skip(reason, allow_module_level=True)

from tests.conformance.adopt import adopt
from tests.conformance.cases import decoder_configs, decoder_names
from tests.conformance.exclusions import LEFT_OUT

CASES = {"model_id": decoder_names(), "config_cls,config_kwargs": decoder_configs()}

TestDecoderModels = adopt(own_tests("test_decoder_models").TestDecoderModels, CASES, {}, LEFT_OUT["TestDecoderModels"])
