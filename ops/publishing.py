"""The signing key, the place off the box and the publisher of checkpoints, from the settings."""

from time import time_ns

from adapters.db.engines import Databases
from adapters.event_store.recorder import Recorder
from adapters.log.checkpoints import key_name
from adapters.log.key_file import load_signer
from adapters.log.notes import NoteSigner
from adapters.log.publisher import Publisher
from adapters.log.witnesses import Witness
from adapters.offbox.places import off_box
from domain.ports.offbox import OffBox
from ops.settings import Settings


def signer_of(settings: Settings, recorder: Recorder) -> NoteSigner | None:
    """None where there is no key file. Raises LogKeyUnusable."""
    if not settings.log_key_file.exists():
        return None
    return load_signer(settings.log_key_file, key_name(recorder.deployment_id))


def place_of(settings: Settings) -> OffBox | None:
    """None where no place is named. Raises OffBoxAddressInvalid, BotoMissing."""
    if settings.off_box is None:
        return None
    return off_box(settings.off_box, s3_endpoint=settings.s3_endpoint)


def publisher_of(settings: Settings, databases: Databases, recorder: Recorder) -> Publisher | None:
    """None where there is no key. Raises LogKeyUnusable, OffBoxAddressInvalid, BotoMissing, VerifierKeyInvalid."""
    signer = signer_of(settings, recorder)
    if signer is None:
        return None
    return Publisher(
        databases.events,
        signer,
        place_of(settings),
        witnesses=[Witness.parse(each) for each in settings.witnesses],
        needed=settings.witnesses_needed,
        clock_us=lambda: time_ns() // 1000,
    )
