"""PEFT's own LoRA on the three linears of the FFN: one adapter of rank 64, the parameters of four experts of rank 16.

PEFT is no dependency of the kernels. It is imported when this contender is built, and where it is missing the benchmark
says so and goes on.
"""

from torch import Tensor, nn
from torch.nn import functional

from kernels.bench.contender import Built, Unavailable
from kernels.bench.operands import SCALE, Operands

RANK = 64


class Ffn(nn.Module):
    """The frozen FFN as a module, which is what PEFT adapts."""

    def __init__(self, at: Operands) -> None:
        super().__init__()
        for name, weight in (("gate", at.w_gate_FD), ("up", at.w_up_FD), ("down", at.w_down_DF)):
            linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False, device="meta")
            linear.weight = nn.Parameter(weight, requires_grad=False)
            self.add_module(name, linear)

    def forward(self, x: Tensor) -> Tensor:
        """y [T, D]."""
        down, gate, up = self.get_submodule("down"), self.get_submodule("gate"), self.get_submodule("up")
        found: Tensor = down(functional.silu(gate(x)) * up(x))
        return found


def peft_lora(at: Operands, top_k: int) -> Built:  # noqa: ARG001 - every contender is built from the same arguments
    """Built by get_peft_model. Factors in the operands' type: in float32, PEFT's default, it would be slower."""
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as exc:
        raise Unavailable("PEFT isn't installed: pip install peft") from exc
    config = LoraConfig(
        r=RANK,
        lora_alpha=int(SCALE * RANK),
        lora_dropout=0.1,
        target_modules=["gate", "up", "down"],
        init_lora_weights=False,
    )
    model = get_peft_model(Ffn(at), config, autocast_adapter_dtype=False)
    model.to(device=at.x_TD.device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def forward(p: float) -> tuple[Tensor]:
        model.train(p > 0)
        return (model(at.x_TD),)

    return Built(forward, [at.x_TD, *trained])
