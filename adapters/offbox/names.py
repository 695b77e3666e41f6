"""Names of what lies off the box: relative paths without surprises, the same on a file system and in a bucket."""

import re
from typing import Final

from domain.errors import Invalid

_SEGMENT: Final = r"[a-z0-9-][a-z0-9.-]*"
_NAME: Final = re.compile(rf"{_SEGMENT}(/{_SEGMENT})*")
_PREFIX: Final = re.compile(rf"({_SEGMENT}(/{_SEGMENT})*/?)?")
_MOST: Final = 400


class OffBoxNameInvalid(Invalid):
    code = "off_box_name_invalid"
    message = "Names off the box are paths of lower-case letters, digits, dashes and dots."


def checked_name(name: str) -> str:
    """Raises OffBoxNameInvalid."""
    if len(name) > _MOST or not _NAME.fullmatch(name):
        raise OffBoxNameInvalid
    return name


def checked_prefix(prefix: str) -> str:
    """Raises OffBoxNameInvalid."""
    if len(prefix) > _MOST or not _PREFIX.fullmatch(prefix):
        raise OffBoxNameInvalid
    return prefix
