"""What can go wrong with routed experts. Each message names the value and what to do about it."""


class MoeLoraError(ValueError):
    """Parent of all errors of this package."""


class BadConfig(MoeLoraError):
    """A setting that can't hold, alone or on this model."""


class FfnNotFound(MoeLoraError):
    """No FFN was found in the model, or a named module is none."""


class WrongBase(MoeLoraError):
    """The adapter was saved for another base model."""


class WrongFormat(MoeLoraError):
    """The adapter was saved by a version whose format is not this one's."""


class MergeRefused(MoeLoraError):
    """The adapter's function can't be written as weights of the base model."""


class BadInput(MoeLoraError):
    """A forward pass got something it can't compute with."""


class RouterBroken(MoeLoraError):
    """A router gave logits that are no numbers, or that carry no gradient where one is needed."""


class NotExpressible(MoeLoraError):
    """A form asked for in an export can't hold the adapter's function."""
