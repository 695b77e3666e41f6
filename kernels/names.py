"""Legend of shapes, and the activations every implementation knows.

T tokens (batch and sequence flattened), D width of the model, F width of the FFN, I and O inputs and outputs of a linear
layer, E experts, R rank, K experts a token, N rows of stacked low-rank factors (E·R, or 2·E·R for gate and up together).
A tensor's name ends in its shape: `weights_TE` is [tokens, experts].
"""

from typing import Final, Literal, get_args

Activation = Literal["silu", "gelu", "gelu_tanh", "relu", "quick_gelu"]
"""silu: x·σ(x). gelu: x·Φ(x). gelu_tanh: its approximation by tanh (Hendrycks and Gimpel, arXiv:1606.08415).
quick_gelu: x·σ(1.702 x), of the same paper."""

ACTIVATIONS: Final[tuple[Activation, ...]] = get_args(Activation)
