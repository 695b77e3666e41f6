"""The configuration of routed LoRA experts, as PEFT saves and loads it."""

import re
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast, get_args

from peft import PeftConfig

from ml.moe_lora.errors import BadConfig, WrongFormat
from ml.moe_lora.registration import MOE_LORA

FORMAT: Final = 1
"""Version of what is saved: the names and shapes of parameters, and the meaning of the settings."""
DOMAINS: Final = ("psychology", "mental_health", "bias_detection", "general_therapeutic")
Granularity = Literal["block", "linear"]
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@dataclass
class MoeLoraConfig(PeftConfig):
    """LoRA experts in every FFN, of which a router picks `top_k` for each token.

    Block granularity gives each FFN one router, and each expert pairs for gate, up and down; linear granularity gives each
    targeted linear layer a router and pairs of its own. Products of A and B are scaled by lora_alpha / r.
    Raises BadConfig, WrongFormat.
    """

    r: int = 16
    lora_alpha: float = 32
    lora_dropout: float = 0.1
    top_k: int = 2
    experts: list[str] = field(default_factory=lambda: list(DOMAINS))
    granularity: str = "block"
    """One of "block", "linear"."""
    target_modules: Any = None
    """Names, a regular expression, or "all-linear" (linear granularity only). None: FFNs are found by their structure."""
    exclude_modules: Any = None
    layers_to_transform: Any = None
    layers_pattern: Any = None
    modules_to_save: list[str] | None = None
    fan_in_fan_out: bool = False
    """Weights of linear layers are stored [in, out]. Recognised without it for GPT-2's Conv1D."""
    attention_modules: list[str] | None = None
    """Linear layers that get a plain LoRA beside the experts: one pair, no router."""
    attention_r: int | None = None
    attention_alpha: float | None = None
    balance_weight: float = 0.01
    z_weight: float = 0.001
    domain_weight: float = 0.1
    bias_weight: float = 0.0
    init_weights: bool = True
    """False: B starts random instead of zero, so that a test sees the experts."""
    format: int = FORMAT
    base: dict[str, Any] | None = None
    """What the base model looked like when this was saved: filled in by saving, compared by loading."""

    def __post_init__(self) -> None:
        super().__post_init__()  # type: ignore[no-untyped-call]  # PEFT leaves it without types
        self.peft_type = MOE_LORA
        given: object = self.experts
        if isinstance(given, str):
            raise BadConfig(f"experts={given!r}: give a list of names, such as [{given!r}]")
        self.experts = list(self.experts)
        if self.format != FORMAT:
            raise WrongFormat(
                f"the adapter is of format {self.format!r}, this version reads format {FORMAT}: "
                "load it with the version that saved it, or train it again"
            )
        for check in (self._check_experts, self._check_sizes, self._check_weights, self._check_targets):
            check()
        self._found_base: dict[str, Any] | None = None

    @property
    def scale(self) -> float:
        """What products of A and B are multiplied by."""
        return self.lora_alpha / self.r

    @property
    def attention(self) -> tuple[int, float]:
        """Rank and scale of the attention's plain LoRA."""
        rank = self.r if self.attention_r is None else self.attention_r
        alpha = self.lora_alpha if self.attention_alpha is None else self.attention_alpha
        return rank, alpha / rank

    def remember_base(self, found: dict[str, Any] | None) -> None:
        """Take down which base this was used with, to be saved beside it."""
        self._found_base = found

    def to_dict(self) -> dict[str, Any]:
        """As saved."""
        return {**cast("dict[str, Any]", super().to_dict()), "base": self._found_base or self.base}

    def _check_experts(self) -> None:
        if not self.experts:
            raise BadConfig("experts is empty: name at least one expert")
        for name in self.experts:
            if not _NAME.fullmatch(str(name)):
                raise BadConfig(
                    f"{name!r} can't name an expert: use up to 64 letters, digits, '_' and '-', beginning with a letter or digit"
                )
        if doubled := sorted({name for name in self.experts if self.experts.count(name) > 1}):
            raise BadConfig(f"experts named more than once: {', '.join(doubled)}; give each its own name")
        if not _whole(self.top_k) or not 1 <= self.top_k <= len(self.experts):
            raise BadConfig(f"top_k={self.top_k!r} with {len(self.experts)} experts: choose 1 to {len(self.experts)}")

    def _check_sizes(self) -> None:
        for name, rank in (("r", self.r), ("attention_r", self.attention_r)):
            if rank is not None and (not _whole(rank) or rank < 1):
                raise BadConfig(f"{name}={rank!r}: a rank is a whole number of at least 1, such as 16")
        for name, alpha in (("lora_alpha", self.lora_alpha), ("attention_alpha", self.attention_alpha)):
            if alpha is not None and not (_number(alpha) and 0 < alpha < float("inf")):
                raise BadConfig(f"{name}={alpha!r}: use a positive number, such as twice the rank")
        if not (_number(self.lora_dropout) and 0 <= self.lora_dropout < 1):
            raise BadConfig(f"lora_dropout={self.lora_dropout!r}: use a probability from 0 to below 1, such as 0.1")

    def _check_weights(self) -> None:
        for name in ("balance_weight", "z_weight", "domain_weight", "bias_weight"):
            weight = getattr(self, name)
            if not (_number(weight) and 0 <= weight < float("inf")):
                raise BadConfig(f"{name}={weight!r}: a loss is weighted by a number of at least 0")

    def _check_targets(self) -> None:
        if self.granularity not in get_args(Granularity):
            raise BadConfig(
                f"granularity={self.granularity!r}: choose 'block' (a router an FFN) or 'linear' (a router a layer)"
            )
        everything = isinstance(self.target_modules, str) and self.target_modules.lower() == "all-linear"
        if everything and self.granularity == "block":
            raise BadConfig(
                "target_modules='all-linear' with granularity='block': a block is a whole FFN; leave target_modules out, "
                "or set granularity='linear'"
            )
        for name in ("target_modules", "exclude_modules"):
            if isinstance(value := getattr(self, name), list | tuple):
                setattr(self, name, set(value))
        if isinstance(self.target_modules, str) and (
            self.layers_to_transform is not None or self.layers_pattern is not None
        ):
            raise BadConfig(
                f"layers_to_transform={self.layers_to_transform!r}, layers_pattern={self.layers_pattern!r} with "
                f"target_modules={self.target_modules!r}: an expression names its layers itself; use one or the other"
            )
        if self.layers_pattern is not None and self.layers_to_transform is None:
            raise BadConfig(f"layers_pattern={self.layers_pattern!r} needs layers_to_transform: say which layers")
        if isinstance(self.attention_modules, str):
            raise BadConfig(
                f"attention_modules={self.attention_modules!r}: give a list of names, such as ['q_proj', 'v_proj']"
            )


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
