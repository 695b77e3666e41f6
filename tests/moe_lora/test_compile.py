"""One graph, without a break, that gives what plain running gives."""

import logging
import shutil

import pytest
import torch
from torch._dynamo import config as dynamo

from ml.moe_lora import forget_routing, routing_of
from tests.moe_lora.bases import adapted, gpt2, llama, opt, phi3, tokens

HAS_COMPILER = shutil.which("g++") is not None or shutil.which("clang++") is not None
SLOW = pytest.mark.faults  # tracing takes seconds a case
INDUCTOR = pytest.param(
    "inductor",
    marks=[
        SLOW,
        pytest.mark.timeout(1200),  # C++ is compiled for each graph
        pytest.mark.skipif(not HAS_COMPILER, reason="inductor needs a C++ compiler"),
        pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's own, when inductor is imported
    ],
)


@pytest.fixture(autouse=True)
def fresh_compiler(monkeypatch):
    # The compiler notes every step for a viewer of its own; pytest would keep each line.
    monkeypatch.setattr(logging.getLogger("torch.__trace"), "propagate", False)
    torch.compiler.reset()
    yield
    torch.compiler.reset()


def once(model, forward):
    """Gradients of the language-model loss with a loss over routing, which is read outside what is compiled."""
    torch.manual_seed(1)
    forget_routing(model)
    model.zero_grad()
    loss = forward(tokens(), labels=tokens()).loss
    (loss + sum(logits.square().mean() for logits in routing_of(model).values())).backward()
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def agree(compiled, plain):
    assert compiled.keys() == plain.keys()
    for name, gradient in plain.items():
        torch.testing.assert_close(compiled[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("backend", ["aot_eager", INDUCTOR])
@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_training_compiles_whole(granularity, backend):
    model = adapted(llama(num_hidden_layers=1), granularity=granularity, attention_modules=["q_proj"]).train()
    plain = once(model, model)
    agree(once(model, torch.compile(model, fullgraph=True, backend=backend)), plain)


@pytest.mark.parametrize("backend", [pytest.param("aot_eager", marks=SLOW), INDUCTOR])
@pytest.mark.parametrize("granularity", ["block", "linear"])
@pytest.mark.parametrize("make", [phi3, gpt2, opt])
def test_other_families_compile_whole(make, granularity, backend):
    model = adapted(make(), granularity=granularity)
    expected = model(tokens()).logits
    found = torch.compile(model, fullgraph=True, backend=backend)(tokens()).logits
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@SLOW
@pytest.mark.parametrize("granularity", ["block", "linear"])
def test_dropout_under_recomputed_activations_compiles_whole(granularity):
    # Routing is noted in the forward alone, which has to be allowed; and PEFT's hook on the embedding, which only
    # reentrant checkpointing needs, can't be compiled.
    base = llama(num_hidden_layers=1, use_cache=False)
    model = adapted(base, granularity=granularity, lora_dropout=0.2).train()
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model.disable_input_require_grads()
    plain = once(model, model)
    with dynamo.patch(skip_fwd_side_effects_in_bwd_under_checkpoint=True):
        agree(once(model, torch.compile(model, fullgraph=True, backend="aot_eager")), plain)


@SLOW
def test_one_graph_serves_every_length():
    model = adapted(llama(num_hidden_layers=1))
    run = torch.compile(model, fullgraph=True, backend="aot_eager", dynamic=True)
    for length in (5, 9, 17):
        torch.testing.assert_close(run(tokens(2, length)).logits, model(tokens(2, length)).logits)
