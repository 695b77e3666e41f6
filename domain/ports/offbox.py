"""A place off the box: what must outlive this machine and can't be taken back by whoever rules it.

Checkpoints of the log, the register of erasures and receipts go there. Names are paths of lower-case letters, digits, `-`,
`.` and `/`; nothing is ever overwritten or removed by the product.
"""

from collections.abc import Sequence
from typing import Protocol

from domain.errors import Conflict, Unavailable


class OffBoxUnavailable(Unavailable):
    code = "off_box_unavailable"
    message = "The place off the box can't be reached."
    hint = (
        "Look at what ANAMNESIS_OFF_BOX names: a folder must be there already (is it mounted?), a bucket must answer."
    )


class OffBoxConflict(Conflict):
    """Something else stands under that name already: a fork, or two deployments that share a place."""

    code = "off_box_conflict"
    message = "Something else is kept under this name off the box."


class OffBox(Protocol):
    def put(self, name: str, content: bytes) -> None:
        """Durably, whole or not at all. The same content again is fine. Raises OffBoxConflict, OffBoxUnavailable."""

    def get(self, name: str) -> bytes | None:
        """None when there is nothing. Raises OffBoxUnavailable."""

    def names(self, prefix: str) -> Sequence[str]:
        """All names that begin so, in order of their text. Raises OffBoxUnavailable."""
