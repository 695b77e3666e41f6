"""What is known of a request before anything of it is trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """`target` is the path with its query; `headers` by lower-case name."""

    request_id: UUID
    at: datetime
    address: str
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
