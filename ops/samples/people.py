"""The accounts of the demo, one a role and a trainee, with fresh passwords at every start."""

import secrets
from dataclasses import dataclass
from typing import Final

from domain.ports.call import Role

DOMAIN: Final = "demo.example"
_WORDS: Final = (  # noqa: SIM905 - a hundred words read better as text
    "amber anchor apple arrow autumn bamboo basalt beacon birch bridge candle canyon cedar cherry cinder clover cobalt "
    "copper coral cotton crane creek crystal dahlia delta drift ember falcon feather fennel fern fjord flint forest garnet "
    "ginger glacier granite harbor hazel heather heron honey indigo island ivory jasmine juniper kernel lagoon lantern "
    "laurel lemon lilac linden lotus maple marble meadow mellow mint mosaic nectar nutmeg oasis olive onyx opal orchid "
    "otter pebble pepper pine plum poplar prairie quartz quill rain raven reef ridge river robin rose saffron sage sand "
    "shadow silver slate sparrow spruce stone summer sunset teal thistle thunder tulip valley velvet violet walnut willow "
    "winter wren zephyr"
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
    Person(key="operator", role=Role.OPERATOR, display_name="Noor Haddad", shows="accounts, never a record"),
    Person(key="supervisor", role=Role.SUPERVISOR, display_name="Prof. Agnes Weidner", shows="an entry to co-sign"),
    Person(
        key="clinician", role=Role.CLINICIAN, display_name="Dr. Ines Vogel", shows="four clients, an unsigned entry"
    ),
    Person(
        key="trainee", role=Role.CLINICIAN, display_name="Leon Brandt", shows="one client, waits for a co-signature"
    ),
    Person(key="compliance", role=Role.COMPLIANCE_OFFICER, display_name="Mirela Popa", shows="the audit trail"),
    Person(key="ml", role=Role.ML_ENGINEER, display_name="Chen Wei", shows="nothing clinical, by design"),
    Person(key="client", role=Role.CLIENT, display_name="Mara Lindqvist", shows="her own journey"),
)


def password() -> str:
    """Four words and two digits: 33 bits: enough for one run of a demo, behind lock-out and rate limits."""
    words = [secrets.choice(_WORDS) for _ in range(4)]
    return "-".join(words) + f"-{secrets.randbelow(90) + 10}"
