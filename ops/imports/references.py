"""What one client's document refers to: accounts, entries, times; and where faults are gathered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from api.models.common import instant
from domain.errors import AnamnesisError, Invalid
from domain.services.imports import Names
from ops.imports.faults import Fault


class AccountNotNamed(Invalid):
    code = "account_not_named"
    message = "Nobody is named here, and no --clinician on the command line."


class AccountUnknown(Invalid):
    code = "account_unknown"
    message = "No account of this id stands under /accounts with a login of a clinician or supervisor here."


class ReferenceUnknown(Invalid):
    code = "reference_unknown"
    message = "This client has no such entry in the file."


class SignatureIncomplete(Invalid):
    code = "signature_incomplete"
    message = "cosigned_at needs signed_at, cosigned_by and supervisor; addenda need a complete signature."


class IdRepeated(Invalid):
    code = "id_repeated"
    message = "Another entry of this kind has the same id."


@dataclass(slots=True, kw_only=True)
class References:
    """`accounts` are those of the file that were found here; `default` is who is meant where nobody is named."""

    names: Names
    client: str
    accounts: Mapping[str, UUID]
    default: UUID | None
    at: datetime
    known: dict[tuple[str, UUID], UUID] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    @contextmanager
    def place(self, pointer: str) -> Iterator[None]:
        """What is refused within becomes a fault of this place, and reading goes on after it."""
        try:
            yield
        except AnamnesisError as error:
            self.faults.append(Fault(where=pointer, code=error.code, text=error.detail))

    def by(self, name: str | None, otherwise: UUID | None = None) -> UUID:
        """`otherwise` is who is meant where nobody is named: within an entry, who recorded it. Raises AccountNotNamed,
        AccountUnknown.
        """
        if name is None:
            meant = otherwise or self.default
            if meant is None:
                raise AccountNotNamed
            return meant
        if name not in self.accounts:
            raise AccountUnknown
        return self.accounts[name]

    def maybe_by(self, name: str | None) -> UUID | None:
        """None stays nobody. Raises AccountUnknown."""
        return None if name is None else self.by(name)

    def when(self, text: str | None, field_name: str, otherwise: datetime | None = None) -> datetime:
        """The source's time; `otherwise`, or the import's, where none is told. Raises Invalid for one that lies ahead."""
        if text is None:
            return otherwise or self.at
        told = instant(text, field_name)
        if told > self.at:
            raise Invalid(f"{field_name} lies in the future.", field=field_name)
        return told

    def named(self, kind: str, given: UUID | None, place: object) -> UUID:
        """The id that an entry gets: by its own id where it has one, otherwise by its place. Raises IdRepeated."""
        made = self.names.id(kind, self.client, str(given) if given else f"#{place}")
        if given is not None:
            if (kind, given) in self.known:
                raise IdRepeated
            self.known[kind, given] = made
        return made

    def own(self, kind: str, given: UUID | None, place: str) -> UUID:
        """As `named`, for entries whose given ids were named before any was read, so that they may refer to each other."""
        return self.known[kind, given] if given is not None else self.named(kind, None, place)

    def entry(self, kind: str, given: UUID) -> UUID:
        """The id of an entry that was read before. Raises ReferenceUnknown."""
        if (kind, given) not in self.known:
            raise ReferenceUnknown(f"This client has no {kind} of this id in the file.")
        return self.known[kind, given]

    def maybe_entry(self, kind: str, given: UUID | None) -> UUID | None:
        return None if given is None else self.entry(kind, given)
