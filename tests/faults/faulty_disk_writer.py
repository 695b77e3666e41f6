"""Registers clients on a deployment whose disk fails every now and then, and tells of each that was acknowledged.

Arguments: how many tries. Settings come from the environment. Lines on standard output: `kept <client id>` once a
registration was acknowledged, `refused <code>` for one that wasn't.
"""

import os
import sys
from uuid import UUID, uuid4

from domain.errors import AnamnesisError
from domain.model.identity import IdentityContent
from domain.model.values import PersonName
from domain.ports.call import Actor, Call, Purpose, Role
from ops.bootstrap import Part, System, build
from ops.settings import Settings

CLINICIAN = Actor(id=UUID(int=78), role=Role.CLINICIAN)


def call_of(system: System) -> Call:
    return Call(
        actor=CLINICIAN,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="test",
        purpose=Purpose.TREATMENT,
    )


def run(tries: int) -> None:
    with build(Settings.load(), parts=Part.API) as system:
        for _ in range(tries):
            client_id = uuid4()
            who = IdentityContent(names=(PersonName(family=client_id.hex),))
            try:
                system.services.clients.register(call_of(system), client_id, who)
            except AnamnesisError as refused:
                tell(f"refused {refused.code}")
            else:
                tell(f"kept {client_id}")


def tell(line: str) -> None:
    os.write(sys.stdout.fileno(), f"{line}\n".encode())


if __name__ == "__main__":
    run(int(sys.argv[1]))
