"""Makes PEFT know the method MOE_LORA.

PEFT keeps the names of its methods in an enumeration and rejects all others, so the enumeration gets a member first. It is
added the way `enum` itself would have: found by name and by value, listed, and the same object after pickling.
"""

from typing import Any, Final, cast

from peft import PeftType
from peft.mapping import PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING
from peft.utils import register_peft_method

NAME: Final = "MOE_LORA"
PREFIX: Final = "moe_lora_"


def _member() -> PeftType:
    """The member of PeftType, added once."""
    kind = cast("Any", PeftType)
    if NAME not in kind._member_map_:
        member = cast("Any", str.__new__(PeftType, NAME))
        member._name_, member._value_ = NAME, NAME
        member._sort_order_ = len(kind._member_names_)
        type.__setattr__(PeftType, NAME, member)
        kind._member_names_.append(NAME)
        kind._member_map_[NAME] = member
        kind._value2member_map_[NAME] = member
    return cast("PeftType", kind._member_map_[NAME])


MOE_LORA: Final = _member()


def register(config_cls: type, model_cls: type) -> None:
    """Tell PEFT which classes make up the method. A second import of them replaces the first."""
    for mapping in (PEFT_TYPE_TO_CONFIG_MAPPING, PEFT_TYPE_TO_TUNER_MAPPING, PEFT_TYPE_TO_PREFIX_MAPPING):
        mapping.pop(MOE_LORA, None)
    register_peft_method(name=NAME.lower(), config_cls=config_cls, model_cls=model_cls, prefix=PREFIX)
