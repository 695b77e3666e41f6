"""A deployment with a signing key and a place off the box, and short ways of doing what tests of erasure do."""

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from adapters.log.checkpoints import key_name
from adapters.log.key_file import create_signer, load_signer
from adapters.log.notes import VerifierKey
from domain.model.erasure import ErasureBasis
from domain.ports.call import Actor, Call, Purpose, Role
from domain.services.erasing import ErasingService
from ops.bootstrap import Part, System, build
from ops.erasing import erasing
from ops.founding import create_root_keys, migrate
from ops.settings import Settings
from tests.contracts.samples import content, identity

OFFICER = Actor(id=UUID(int=77), role=Role.COMPLIANCE_OFFICER)
CLINICIAN = Actor(id=UUID(int=78), role=Role.CLINICIAN)
OPERATOR = Actor(id=UUID(int=80), role=Role.OPERATOR)
HOST = Actor(id=UUID(int=79), role=Role.SERVICE)
CANARY = "kestrel-over-the-harbour"


def found(folder: Path, urls=None, **environment: str) -> Settings:
    """Settings of a new deployment with every key it needs."""
    (folder / "elsewhere").mkdir(parents=True)
    given = {
        "ANAMNESIS_DATA_DIR": str(folder / "data"),
        "ANAMNESIS_REDIS_URL": f"unix://{folder}/no-redis.sock",
        "ANAMNESIS_THREADS": "8",
        "ANAMNESIS_OFF_BOX": str(folder / "elsewhere"),
        # Tests of leases that run out wait so long; on a busy machine a process must still come round to renew its own.
        "ANAMNESIS_LEASE_S": "4",
        **environment,
    }
    if urls is not None:
        given |= {
            "ANAMNESIS_EVENTS_URL": urls.events,
            "ANAMNESIS_KEYS_URL": urls.keys,
            "ANAMNESIS_VIEWS_URL": urls.views,
        }
    settings = Settings.load(given)
    for _ in migrate(settings):
        pass
    for _ in create_root_keys(settings):
        pass
    with build(settings, parts=Part.API) as system:
        create_signer(settings.log_key_file, key_name(system.recorder.deployment_id))
    return settings


def call_of(system: System, actor: Actor) -> Call:
    operations = dict.fromkeys((Role.SERVICE, Role.OPERATOR), Purpose.OPERATIONS)
    purposes = {Role.COMPLIANCE_OFFICER: Purpose.COMPLIANCE, **operations}
    return Call(
        actor=actor,
        request_id=system.ids.ordered(),
        at=system.clock.now(),
        origin="test",
        purpose=purposes.get(actor.role, Purpose.TREATMENT),
    )


@dataclass
class Practice:
    """A system, and short ways of doing what tests do."""

    settings: Settings
    system: System

    def by(self, actor: Actor) -> Call:
        return call_of(self.system, actor)

    def new_client(self, *, sessions: int = 2, account: bool = False) -> UUID:
        client_id = uuid4()
        services = self.system.services
        services.clients.register(self.by(CLINICIAN), client_id, identity(CANARY))
        for _ in range(sessions):
            services.sessions.record(self.by(CLINICIAN), self.system.ids.ordered(), client_id, content(CANARY))
        if account:
            services.accounts.create(
                self.by(OPERATOR),
                uuid4(),
                login=f"{CANARY}-{client_id.hex[:8]}@home.example",
                password="a long and unusual password 42",
                display_name=CANARY,
                role=Role.CLIENT,
                client_id=client_id,
            )
        self.system.runner().catch_up()
        return client_id

    def erasing(self) -> ErasingService:
        return erasing(self.system)

    def ask(self, client_id: UUID, basis: ErasureBasis = ErasureBasis.COURT_ORDER, **kwargs) -> UUID:
        """An erasure that no minimum stands before, unless the test names another basis."""
        erasure_id = self.system.ids.ordered()
        self.system.services.erasures.request(self.by(OFFICER), erasure_id, client_id, basis, **kwargs)
        return erasure_id

    def carry_out(self, erasure_id: UUID):
        return self.erasing().carry_out(self.by(HOST), erasure_id)

    def erase(self, client_id: UUID):
        return self.carry_out(self.ask(client_id))

    @property
    def key(self) -> VerifierKey:
        return load_signer(self.settings.log_key_file, key_name(self.system.recorder.deployment_id)).verifier

    @property
    def elsewhere(self) -> Path:
        return Path(self.settings.off_box)
