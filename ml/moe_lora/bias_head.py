"""Says of a text whether it speaks with bias about a group, from the hidden states that the language model has anyway.

The head reads the last hidden states of the same forward, their mean over real tokens, through a norm and one linear layer,
in float32. What its labels mean, and how well it does, is in docs/bias.md.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ml.moe_lora.errors import BadInput, WrongBase, WrongFormat
from ml.moe_lora.losses import UNKNOWN

FILE: Final = "bias_head.safetensors"
"""Beside the adapter's own file."""
_FORMAT: Final = "1"


class BiasHead(nn.Module):
    """Logits [B, C], one a label, each judged for itself: σ(logit) is the chance that the label holds.

    A single label is the binary question. `detached`: the head learns, and what it reads doesn't learn from it.
    """

    def __init__(self, hidden_size: int, labels: Sequence[str] = ("biased",), *, detached: bool = False) -> None:
        """Raises BadInput on labels that are none, repeated or empty."""
        super().__init__()
        if isinstance(labels, str) or not labels or len(set(labels)) < len(labels) or not all(labels):
            raise BadInput(f"The labels are {labels!r}: give a list of at least one, each a name of its own.")
        self.labels = tuple(labels)
        self.detached = detached
        self.norm = nn.LayerNorm(hidden_size, dtype=torch.float32)
        self.out = nn.Linear(hidden_size, len(labels), dtype=torch.float32)
        nn.init.zeros_(self.out.bias)

    def forward(self, hidden_BSD: Tensor, attention_mask: Tensor | None = None) -> Tensor:
        """Logits [B, C] in float32, for last hidden states and a mask [B, S] that isn't zero at real tokens.

        A row without a real token is judged as a mean of zeros. Raises BadInput on shapes that don't fit.
        """
        width = self.norm.normalized_shape[0]
        if hidden_BSD.ndim != 3 or hidden_BSD.shape[-1] != width:
            raise BadInput(
                f"Hidden states have shape {list(hidden_BSD.shape)}, and the head was made for [B, S, {width}]: "
                "give the last ones of the model it was made for."
            )
        pooled_BD = pooled(hidden_BSD.detach() if self.detached else hidden_BSD, attention_mask)
        with torch.autocast(pooled_BD.device.type, enabled=False):
            return self.out(self.norm(pooled_BD.to(self.out.weight.dtype)))  # type: ignore[no-any-return]  # modules return Any

    def loss(self, logits_BC: Tensor, labels: Tensor) -> Tensor:
        """Mean binary cross-entropy over known labels, scalar, 0 where none is known.

        `labels`: [B, C], or [B] for a head with one label; 1 holds, 0 doesn't, UNKNOWN. Raises BadInput on another shape.
        """
        known_BC = labels[:, None] if labels.ndim == 1 and len(self.labels) == 1 else labels
        if known_BC.shape != logits_BC.shape:
            raise BadInput(
                f"Labels have shape {list(labels.shape)}, and logits {list(logits_BC.shape)}: give one value for each of "
                f"{', '.join(self.labels)}, {UNKNOWN} where it isn't known."
            )
        _check_values(known_BC)
        known_BC = known_BC.to(logits_BC.device)
        weight_BC = (known_BC != UNKNOWN).to(logits_BC.dtype)
        each_BC = nn.functional.binary_cross_entropy_with_logits(
            logits_BC, known_BC.to(logits_BC.dtype) * weight_BC, reduction="none"
        )
        return (each_BC * weight_BC).sum() / weight_BC.sum().clamp(min=1)

    def save_pretrained(self, folder: str | Path) -> Path:
        """Write the head beside an adapter's file in `folder`, whole or not at all. Returns the file."""
        Path(folder).mkdir(parents=True, exist_ok=True)
        target, parted = Path(folder) / FILE, Path(folder) / f".{FILE}.part"
        described = {"labels": list(self.labels), "detached": self.detached}
        weights = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(weights, parted, {"format": _FORMAT, "bias_head": json.dumps(described)})
        return parted.replace(target)

    @classmethod
    def from_pretrained(cls, folder: str | Path, hidden_size: int | None = None) -> Self:
        """The head that `save_pretrained` left in `folder`, in evaluation mode.

        Raises FileNotFoundError where there is none, WrongFormat where the file is no head that this version reads, WrongBase
        where it reads another width than `hidden_size`.
        """
        file = Path(folder) / FILE
        if not file.is_file():
            raise FileNotFoundError(
                f"{folder} holds no {FILE}: save a head there with save_pretrained, beside its adapter."
            )
        described, weights = _read(file)
        width = len(weights["norm.weight"])
        if hidden_size not in (None, width):
            raise WrongBase(
                f"The head in {folder} reads hidden states of width {width}, and the model's are {hidden_size} wide: load the "
                "base that the head was trained on."
            )
        head = cls(width, described["labels"], detached=described["detached"])
        try:
            head.load_state_dict(weights)
        except RuntimeError as unfit:
            raise WrongFormat(
                f"{file} holds other weights than a head of its labels has ({unfit}): save it again."
            ) from unfit
        return head.eval()


class Judged(NamedTuple):
    """One forward of a language model and the head's logits of it."""

    outputs: Any
    """What the model returned."""
    logits_BC: Tensor


def judge(model: nn.Module, head: BiasHead, *, attention_mask: Tensor | None = None, **batch: Any) -> Judged:
    """Run the model once, and the head on its last hidden states. `batch` is what the model takes."""
    outputs = model(attention_mask=attention_mask, output_hidden_states=True, **batch)
    return Judged(outputs, head(outputs.hidden_states[-1], attention_mask))


def pooled(hidden_BSD: Tensor, attention_mask: Tensor | None = None) -> Tensor:
    """Mean over real tokens, [B, D] in float32 (float64 stays float64); zeros for a row without any."""
    precise = hidden_BSD.to(torch.promote_types(hidden_BSD.dtype, torch.float32))
    if attention_mask is None:
        return precise.sum(1) / max(1, precise.shape[1])
    if attention_mask.shape != hidden_BSD.shape[:2]:
        raise BadInput(
            f"attention_mask has shape {list(attention_mask.shape)}, and hidden states {list(hidden_BSD.shape)}: give the "
            "mask [B, S] of the same batch."
        )
    real_BS = attention_mask.to(hidden_BSD.device) != 0
    total_BD = precise.masked_fill(~real_BS[..., None], 0.0).sum(1)
    return total_BD / real_BS.sum(1, keepdim=True).clamp(min=1)


def _check_values(labels: Tensor) -> None:
    """On a CPU only: elsewhere looking would make the host wait."""
    if labels.device.type == "cpu" and not torch.compiler.is_compiling():
        wrong = labels[(labels != 0) & (labels != 1) & (labels != UNKNOWN)]
        if len(wrong):
            raise BadInput(
                f"A label is {wrong[0].item()}: give 1 where it holds, 0 where not, {UNKNOWN} where unknown."
            )


def _read(file: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    try:
        with safe_open(file, framework="pt") as opened:
            about = opened.metadata() or {}
            weights = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - the file is no mapping
    except SafetensorError as broken:
        raise WrongFormat(f"{file} is no whole safetensors file ({broken}): copy or save the head again.") from broken
    if about.get("format") != _FORMAT or "bias_head" not in about or "norm.weight" not in weights:
        raise WrongFormat(
            f"{file} is no bias head of format {_FORMAT} (format {about.get('format')!r}): save it again with this version."
        )
    return json.loads(about["bias_head"]), weights
