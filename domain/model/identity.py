"""Who a client is, in a stream and under keys of its own, so that the record can be used without the name."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.errors import Conflict, Invalid, NotFound
from domain.model import checks
from domain.model.moment import zone_named
from domain.model.values import Address, Contact, EmergencyContact, PersonName, Representative
from domain.ports.keys import RecordClass

_BIRTH_DATE: Final = re.compile(r"\d{4}(-\d\d(-\d\d)?)?", re.ASCII)
# BCP 47 as far as locales need it: language, script, region.
_LOCALE: Final = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?", re.ASCII)


class IdentityNotFound(NotFound):
    code = "identity_not_found"
    message = "There is no identity for this client."


class IdentityUnchanged(Conflict):
    code = "identity_unchanged"
    message = "The identity reads so already."


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityContent:
    """The first of `names` is the one in use. `birth_date` as in FHIR: a date, a month, a year, or empty when unknown.

    `zone` is the client's IANA time zone, which may differ from the clinic's; `locale` a BCP 47 tag.
    """

    names: tuple[PersonName, ...]
    birth_date: str = ""
    pronouns: str = ""
    contacts: tuple[Contact, ...] = ()
    address: Address | None = None
    emergency_contacts: tuple[EmergencyContact, ...] = ()
    locale: str = ""
    zone: str = ""
    representative: Representative | None = None

    def check(self, now: datetime) -> None:
        """Raises Invalid naming the field."""
        checks.count("names", self.names, 10, least=1)
        for index, name in enumerate(self.names):
            name.check(f"names[{index}]")
        check_birth_date(self.birth_date, now)
        checks.text("pronouns", self.pronouns, 60, one_line=True)
        checks.count("contacts", self.contacts, 20)
        for index, contact in enumerate(self.contacts):
            contact.check(f"contacts[{index}]")
        if self.address is not None:
            self.address.check("address")
        checks.count("emergency_contacts", self.emergency_contacts, 10)
        for index, emergency in enumerate(self.emergency_contacts):
            emergency.check(f"emergency_contacts[{index}]")
        if self.locale and not _LOCALE.fullmatch(self.locale):
            raise Invalid("locale must be a language tag such as de or pt-BR.", field="locale")
        if self.zone:
            zone_named(self.zone)
        if self.representative is not None:
            self.representative.check("representative")


class Identity(Aggregate):
    TOPIC_KIND = "identity"
    RECORD_CLASS = RecordClass.IDENTITY
    NOT_FOUND = IdentityNotFound

    def __init__(self) -> None:
        self.client_id: UUID
        self.content: IdentityContent

    @property
    def subject(self) -> UUID:
        return self.client_id

    @staticmethod
    def stream_of(client_id: UUID) -> UUID:
        """The stream of a client's identity; one a client."""
        return uuid5(client_id, "identity")

    class Event(Aggregate.Event):
        pass

    class Recorded(Event, Aggregate.Created):
        KIND: ClassVar[str] = "identity.recorded"
        client_id: UUID
        content: IdentityContent
        recorded_by: UUID

        def apply(self, aggregate: "Identity") -> None:
            aggregate.client_id = self.client_id
            aggregate.content = self.content

    class Corrected(Event):
        """The whole identity as it reads now; what it read before stays in the stream."""

        KIND: ClassVar[str] = "identity.corrected"
        content: IdentityContent
        corrected_by: UUID

        def apply(self, aggregate: "Identity") -> None:
            aggregate.content = self.content

    @classmethod
    def record(cls, client_id: UUID, *, at: datetime, by: UUID, content: IdentityContent) -> "Identity":
        """Raises Invalid."""
        content.check(at)
        return cls._create(
            cls.Recorded,
            id=cls.stream_of(client_id),
            timestamp=at,
            client_id=client_id,
            content=content,
            recorded_by=by,
        )

    def correct(self, *, at: datetime, by: UUID, content: IdentityContent) -> None:
        """Raises IdentityUnchanged, Invalid."""
        content.check(at)
        if content == self.content:
            raise IdentityUnchanged(client_id=self.client_id)
        self.trigger_event(self.Corrected, timestamp=at, content=content, corrected_by=by)


def check_birth_date(value: str, now: datetime) -> None:
    """Raises Invalid for what is no date, lies ahead, or more than 130 years back. Empty is an unknown birth date."""
    if not value:
        return
    earliest = _earliest(value)
    if earliest is None:
        raise Invalid("birth_date must be a date, a month or a year: 1984-05-17, 1984-05 or 1984.", field="birth_date")
    # A day's grace: a child born today may live ahead of UTC.
    if earliest > now.date() + timedelta(days=1) or earliest.year < now.year - 130:
        raise Invalid("birth_date must lie within the last 130 years.", field="birth_date")


def _earliest(birth_date: str) -> date | None:
    """The first day that a date, month or year can mean."""
    if not _BIRTH_DATE.fullmatch(birth_date):
        return None
    try:
        return date.fromisoformat(birth_date + "-01-01"[len(birth_date) - 4 :])
    except ValueError:
        return None


def normalised_name(name: str) -> str:
    """What exact look-up compares: no case, accents, spaces or punctuation. `Müller-Lüdenscheidt` is `mullerludenscheidt`.

    The result goes into an HMAC only; changing this rule means deriving the look-up table anew.
    """
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(char for char in decomposed if char.isalnum() or _vowel_sign(char))


def _vowel_sign(char: str) -> bool:
    """Marks that make another name of it, as in Hindi or Thai; accents, points and tones combine by class instead."""
    return unicodedata.category(char) in ("Mc", "Mn") and not unicodedata.combining(char)
