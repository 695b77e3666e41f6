"""Value objects of the record. Plain frozen data: `check` is called by commands, never when stored history is read."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.errors import Invalid
from domain.model import checks
from domain.model.moment import MomentInZone, UnknownZone, ZonelessTime, zone_named

__all__ = [
    "Address",
    "Contact",
    "ContactKind",
    "EmergencyContact",
    "Emotion",
    "Modality",
    "MomentInZone",
    "NameUse",
    "PersonName",
    "Representative",
    "RepresentativeAuthority",
    "RiskImpression",
    "RiskLevel",
    "UnknownZone",
    "Valence",
    "ZonelessTime",
    "zone_named",
]

NAME_MOST: Final = 200
LINE_MOST: Final = 300
_EMAIL: Final = re.compile(r"[^@\s]{1,64}@[^@\s.]+(\.[^@\s.]+)+")
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()./\-]{2,30}(( ?x| ?ext\.? ?)[0-9]{1,8})?", re.ASCII)


class Modality(StrEnum):
    """How client and clinician met."""

    IN_PERSON = "in_person"
    HOME_VISIT = "home_visit"
    VIDEO = "video"
    TELEPHONE = "telephone"
    MESSAGING = "messaging"


class Valence(StrEnum):
    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"


class RiskLevel(StrEnum):
    """The clinician's impression, not a score."""

    NONE = "none"
    LOW = "low"
    MODERATE = "moderate"
    HIGH = "high"
    IMMINENT = "imminent"


class NameUse(StrEnum):
    """FHIR's name-use, the part that is needed."""

    OFFICIAL = "official"
    USUAL = "usual"
    FORMER = "old"
    MAIDEN = "maiden"


class ContactKind(StrEnum):
    PHONE = "phone"
    EMAIL = "email"
    OTHER = "other"


class RepresentativeAuthority(StrEnum):
    """Why somebody may act for the client (personal representative, 45 CFR 164.502(g))."""

    PARENT = "parent"
    GUARDIAN = "guardian"
    POWER_OF_ATTORNEY = "power_of_attorney"
    COURT_ORDER = "court_order"
    EXECUTOR = "executor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Emotion:
    """A named emotional state; intensity 0 (absent) to 10 (as strong as can be)."""

    name: str
    intensity: int
    valence: Valence

    def check(self, field: str) -> None:
        checks.text(f"{field}.name", self.name, 100, least=1, one_line=True)
        checks.integer(f"{field}.intensity", self.intensity, 0, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskImpression:
    """What the clinician thought of risk to self or others; a level above none needs a sentence that says why."""

    level: RiskLevel
    text: str = ""

    def check(self, field: str) -> None:
        checks.text(f"{field}.text", self.text, 10_000, least=0 if self.level is RiskLevel.NONE else 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonName:
    """A name as the person writes it. A person with one name has only `given` or only `family`."""

    family: str = ""
    given: str = ""
    use: NameUse = NameUse.OFFICIAL

    @property
    def full(self) -> str:
        """Given name first."""
        return f"{self.given} {self.family}".strip()

    @property
    def sought(self) -> str:
        """What exact look-up finds the person by: the family name, or the only name there is."""
        return self.family or self.given

    def check(self, field: str) -> None:
        checks.text(f"{field}.family", self.family, NAME_MOST, one_line=True)
        checks.text(f"{field}.given", self.given, NAME_MOST, one_line=True)
        if not (self.family.strip() or self.given.strip()):
            raise Invalid(f"{field} needs a family or a given name; one is enough.", field=field)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A way to reach somebody. `may_leave_message` False asks for confidential contact (45 CFR 164.522(b))."""

    kind: ContactKind
    value: str
    label: str = ""
    may_leave_message: bool = False

    def check(self, field: str) -> None:
        checks.text(f"{field}.value", self.value, LINE_MOST, least=1, one_line=True)
        checks.text(f"{field}.label", self.label, 100, one_line=True)
        if self.kind is ContactKind.EMAIL and not _EMAIL.fullmatch(self.value):
            raise Invalid(f"{field}.value must be an e-mail address.", field=f"{field}.value")
        if self.kind is ContactKind.PHONE and not _PHONE.fullmatch(self.value):
            raise Invalid(f"{field}.value must be a telephone number.", field=f"{field}.value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """A postal address as it would be written on a letter; `country` ISO 3166 alpha-2, or empty."""

    lines: tuple[str, ...] = ()
    city: str = ""
    postal_code: str = ""
    region: str = ""
    country: str = ""

    def check(self, field: str) -> None:
        checks.texts(f"{field}.lines", self.lines, 5, LINE_MOST)
        for name in ("city", "postal_code", "region"):
            checks.text(f"{field}.{name}", getattr(self, name), 100, one_line=True)
        if self.country and not re.fullmatch("[A-Z]{2}", self.country):
            raise Invalid(f"{field}.country must be two capital letters (ISO 3166).", field=f"{field}.country")


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyContact:
    """Whom to call when the client is in danger."""

    name: PersonName
    relationship: str
    contacts: tuple[Contact, ...]

    def check(self, field: str) -> None:
        self.name.check(f"{field}.name")
        checks.text(f"{field}.relationship", self.relationship, 100, one_line=True)
        checks.count(f"{field}.contacts", self.contacts, 10, least=1)
        for index, contact in enumerate(self.contacts):
            contact.check(f"{field}.contacts[{index}]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """Who may act for the client and by what authority. What they may see is decided by the care team, not by this."""

    name: PersonName
    authority: RepresentativeAuthority
    contacts: tuple[Contact, ...] = ()

    def check(self, field: str) -> None:
        self.name.check(f"{field}.name")
        checks.count(f"{field}.contacts", self.contacts, 10)
        for index, contact in enumerate(self.contacts):
            contact.check(f"{field}.contacts[{index}]")
