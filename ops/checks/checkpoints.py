"""Whether checkpoints are published, off the box, and cosigned as was asked for."""

from collections.abc import Iterator
from typing import Final

from adapters.event_store.recorder import Recorder
from adapters.log.health import CheckpointHealthReader
from adapters.log.witnesses import Witness
from domain.errors import AnamnesisError
from ops.checks.databases import absent_file
from ops.checks.finding import Finding, broken, skipped, warning
from ops.publishing import place_of, signer_of
from ops.settings import Settings
from ops.verifying.database import events_database

_PART: Final = "checkpoints"
_LATE: Final = 3
"""Times the interval between checkpoints after which the newest counts as late."""


def publishing(settings: Settings) -> Iterator[Finding]:
    """One finding: what stands most in the way of an outsider who checks this log."""
    if absent_file(settings.events_url) is not None:
        yield skipped(_PART, "there is no event database yet")
        return
    try:
        with events_database(settings) as engine:
            signer = signer_of(settings, Recorder(engine))
            for witness in settings.witnesses:
                Witness.parse(witness)
            if signer is None:
                trial = settings.mode != "production"
                yield (
                    skipped(_PART, "no signing key is set up (`anamnesis checkpoint --init`)") if trial else _unsigned()
                )
                return
            place = place_of(settings)
            if place is not None:
                place.names("checkpoints/")
            yield _state(settings, CheckpointHealthReader(engine), off_box=place is not None)
    except AnamnesisError as error:
        yield Finding.of(_PART, error)


def _unsigned() -> Finding:
    return warning(
        _PART,
        "log_key_missing",
        "There is no signing key: nothing proves to an outsider that the log was left as it was.",
        "Run `anamnesis checkpoint --init`, keep a copy of the key, and set ANAMNESIS_OFF_BOX.",
    )


def _state(settings: Settings, reader: CheckpointHealthReader, *, off_box: bool) -> Finding:
    health = reader.health()
    if health.outcome:
        return broken(
            _PART,
            health.outcome,
            f"The last try to publish a checkpoint failed ({health.outcome}).",
            "Run `anamnesis checkpoint` to see why, and `anamnesis verify` when the log is said to be forked.",
        )
    if not off_box:
        return warning(
            _PART,
            "not_off_the_box",
            "Checkpoints lie in the database alone, where whoever rules the machine can hide them.",
            "Set ANAMNESIS_OFF_BOX to a folder on other storage or to s3://bucket/prefix.",
        )
    if health.unprotected and (not health.size or health.age_s > _LATE * settings.checkpoint_minutes * 60):
        return warning(
            _PART,
            "checkpoint_late",
            f"{health.unprotected:,} events are covered by no checkpoint.",
            "See that the worker runs and was started after the signing key was made.",
        )
    return Finding(part=_PART, text=f"The newest covers {health.size:,} positions, {health.cosignatures} cosignatures.")
