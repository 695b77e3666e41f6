"""Which records are of substance-use treatment (42 CFR Part 2), where nobody says so."""

import re
from typing import Final

REDISCLOSURE: Final = "42 CFR part 2 prohibits unauthorized use or disclosure of these records."
"""The notice that goes with every such record (42 CFR 2.32(a)(2))."""
_CODES: Final = re.compile(r"\s*F1[0-9]", re.IGNORECASE)
"""ICD-10-CM F10 to F19: mental and behavioural disorders due to psychoactive substance use; dot or no dot."""


def code_tells(code: str) -> bool:
    """Whether a diagnosis of this ICD-10-CM code is a record of substance-use treatment unless said otherwise."""
    return _CODES.match(code) is not None
