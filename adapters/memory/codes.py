"""A few diagnosis codes, for tests that need a list and not the whole of it."""

from typing import Final

from adapters.codes.listing import CodeList
from domain.ports.codes import CodeEntry

_ENTRIES: Final = (
    ("F32", "Depressive episode", False),
    ("F32.0", "Major depressive disorder, single episode, mild", True),
    ("F32.1", "Major depressive disorder, single episode, moderate", True),
    ("F40", "Phobic anxiety disorders", False),
    ("F40.0", "Agoraphobia", False),
    ("F40.00", "Agoraphobia, unspecified", True),
    ("F40.01", "Agoraphobia with panic disorder", True),
    ("F41.1", "Generalized anxiety disorder", True),
)


class InMemoryDiagnosisCodes(CodeList):
    def __init__(self) -> None:
        super().__init__(
            "icd-10-cm/sample",
            (CodeEntry(code=code, description=text, billable=billable) for code, text, billable in _ENTRIES),
        )
