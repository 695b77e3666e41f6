"""Who the sample clients are: invented people. Addresses end in .example, telephone numbers are from ranges kept for fiction."""

import random
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from domain.model.identity import IdentityContent
from domain.model.values import Address, Contact, ContactKind, EmergencyContact, PersonName

_GIVEN: Final[Mapping[str, Sequence[str]]] = {
    "she/her": ("Amara", "Leyla", "Ingrid", "Priya", "Sofia", "Hanna", "Zeynep", "Marisol", "Noor", "Agnieszka", "Mei", "Thandiwe", "Greta", "Rahel"),
    "he/him": ("Jonas", "Emeka", "Mateusz", "Rafael", "Hamid", "Lukas", "Kenji", "Oskar", "Dimitri", "Samir", "Caspar", "Tomasz", "Arjun", "Levi"),
    "they/them": ("Robin", "Kim", "Sascha"),
}  # fmt: skip
_FAMILY: Final = (
    "Abara", "Aydemir", "Bergström", "Castillo", "Chowdhury", "Dąbrowski", "Eriksen", "Farahani", "Grünwald", "Haile", "Iversen",
    "Jansen", "Kovács", "Lehmann", "Mbeki", "Nakamura", "O'Shea", "Pham", "Quiroga", "Rosenthal", "Sørensen", "Tadesse", "Ulrich",
    "Vargas", "Wójcik", "Özdemir", "Zhao",
)  # fmt: skip
_LOCALES: Final = ("de", "de", "de", "en", "tr", "pl", "es")
_CITIES: Final = ("Berlin", "Berlin", "Berlin", "Potsdam", "Bernau", "Oranienburg")
_TIES: Final = ("sister", "brother", "mother", "father", "partner", "friend", "daughter", "son", "neighbour")


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """An identity, and what the texts need of it."""

    pronouns: str
    identity: IdentityContent


def known(person: Mapping[str, Any]) -> Face:
    """One of the people whom the file describes."""
    emergency = person["emergency"]
    return Face(
        pronouns=person["pronouns"],
        identity=_identity(
            PersonName(family=person["family"], given=person["given"]),
            PersonName(family=emergency["family"], given=emergency["given"]),
            relationship=emergency["relationship"],
            birth_date=person["birth_date"],
            pronouns=person["pronouns"],
            phones=(person["phone"], emergency["phone"]),
            email=person["email"],
            address=Address(city=person["city"], country=person["country"]),
            locale=person["locale"],
            zone=person["zone"],
        ),
    )


def invented(count: int, today: date, chance: random.Random) -> Sequence[Face]:
    """So many different people, between 18 and 79 years old."""
    families = chance.sample(_FAMILY, count)
    pronouns = chance.choices(tuple(_GIVEN), (9, 9, 1), k=count)
    decks = {name: chance.sample(given, len(given)) for name, given in _GIVEN.items()}
    faces = []
    for number, (family, pronoun) in enumerate(zip(families, pronouns, strict=True)):
        given = decks[pronoun].pop() if decks[pronoun] else decks["she/her"].pop()
        born = today - timedelta(days=chance.randint(18 * 366, 79 * 365))
        other = chance.choice(_GIVEN[chance.choice(("she/her", "he/him"))])
        faces.append(
            Face(
                pronouns=pronoun,
                identity=_identity(
                    PersonName(family=family, given=given),
                    PersonName(family=family, given=other),
                    relationship=chance.choice(_TIES),
                    birth_date=born.isoformat(),
                    pronouns=pronoun,
                    phones=(f"+49 30 23125 {800 + 2 * number}", f"+49 30 23125 {801 + 2 * number}"),
                    email=f"{_ascii(given)}.{_ascii(family)}@mail.example",
                    address=Address(city=chance.choice(_CITIES), country="DE"),
                    locale=chance.choice(_LOCALES),
                    zone="Europe/Berlin",
                ),
            )
        )
    return faces


def _identity(
    name: PersonName, emergency: PersonName, *, relationship: str, phones: tuple[str, str], email: str, **more: Any
) -> IdentityContent:
    call = Contact(kind=ContactKind.PHONE, value=phones[1])
    return IdentityContent(
        names=(name,),
        contacts=(
            Contact(kind=ContactKind.PHONE, value=phones[0], label="mobile", may_leave_message=True),
            Contact(kind=ContactKind.EMAIL, value=email),
        ),
        emergency_contacts=(EmergencyContact(name=emergency, relationship=relationship, contacts=(call,)),),
        **more,
    )


def _ascii(name: str) -> str:
    """For an address: letters alone, accents dropped."""
    plain = unicodedata.normalize("NFKD", name.translate(str.maketrans("łøß", "los")))
    return "".join(letter for letter in plain.lower() if letter in "abcdefghijklmnopqrstuvwxyz")
