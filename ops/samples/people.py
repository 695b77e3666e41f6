"""The accounts of the demo, one a role and a trainee, with fresh passwords at every start."""

import secrets
from dataclasses import dataclass
from typing import Final

from domain.ports.call import Role

DOMAIN: Final = "demo.example"
_WORDS: Final = (  # noqa: SIM905 - a hundred words read better as text
    "acorn amber anchor apple arrow autumn bamboo basalt bay beacon birch bridge brook candle canyon cedar cherry "
    "cinder cliff clover cobalt copper coral cotton cove crane creek dahlia dawn delta drift dune elm ember "
    "falcon fennel fern finch fjord flint forest frost garnet ginger glade grove gull harbor hazel heron hill "
    "honey indigo iris island ivory jade juno kernel lagoon lake lark laurel leaf lemon lilac lime linden loam "
    "lotus lynx mango maple marble meadow mellow mint mosaic moss nectar nutmeg oak oasis olive onyx opal opera "
    "orchid otter peach pearl pebble pepper petal pine plum pond poplar quartz quill rain raven reef ridge river "
    "robin rose rye saddle sage sand shadow shell silver sky slate snow spark spring spruce stone storm summer "
    "sunset swan teal thyme tiger topaz trail tulip valley velvet vine violet walnut wave wheat willow wind "
    "winter wolf wren yarrow zephyr"
).split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`key` names the account in the demo; `shows` says what to look at with it."""

    key: str
    role: Role
    display_name: str
    shows: str

    @property
    def login(self) -> str:
        return f"{self.key}@{DOMAIN}"


PEOPLE: Final = (
    Person(key="operator", role=Role.OPERATOR, display_name="Noor Haddad", shows="accounts alone"),
    Person(
        key="supervisor",
        role=Role.SUPERVISOR,
        display_name="Prof. Agnes Weidner",
        shows="the trainee's four clients, one co-signature to give",
    ),
    Person(
        key="clinician",
        role=Role.CLINICIAN,
        display_name="Dr. Ines Vogel",
        shows="21 clients: every kind of course, a crisis, a flag that waits",
    ),
    Person(
        key="trainee",
        role=Role.CLINICIAN,
        display_name="Leon Brandt",
        shows="four clients, one entry returned and one not co-signed yet",
    ),
    Person(key="compliance", role=Role.COMPLIANCE_OFFICER, display_name="Mirela Popa", shows="the audit trail"),
    Person(key="ml", role=Role.ML_ENGINEER, display_name="Chen Wei", shows="nothing clinical"),
    Person(key="client", role=Role.CLIENT, display_name="Mara Lindqvist", shows="her own journey and progress"),
)


def password() -> str:
    """Four words and two digits: 35 bits: enough for one run of a demo, behind lock-out and rate limits."""
    words = [secrets.choice(_WORDS) for _ in range(4)]
    return "-".join(words) + f"-{secrets.randbelow(90) + 10}"
