"""`checkpoint`: publish what the log is now, and the key that this is signed with."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from domain.ports.log import Publication
    from ops.console import Voice
    from ops.settings import Settings


def checkpoint(
    init: Annotated[bool, typer.Option("--init", help="Make the signing key of this deployment, once.")] = False,
    key: Annotated[bool, typer.Option("--key", help="Print the verifier key, which others check with.")] = False,
    out: Annotated[
        str | None, typer.Option(help="Write the newest checkpoint into this file too; - for stdout.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Sign what the log is now, have witnesses cosign it, and put it off the box. The worker does so on its schedule.

    The first checkpoint after a restore is published by this command alone: that the right back-up was restored is for a
    person to say.
    """
    from ops.console import voice
    from ops.demo import seen_from_inside
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    settings = seen_from_inside(Settings.load())
    if init or key:
        _key(settings, speaker, make=init)
        return
    _publish(settings, speaker, out)


def _key(settings: "Settings", speaker: "Voice", *, make: bool) -> None:
    from adapters.event_store.recorder import Recorder
    from adapters.log.checkpoints import key_name
    from adapters.log.key_file import create_signer, load_signer
    from ops.verifying.database import events_database

    with events_database(settings) as engine:
        name = key_name(Recorder(engine).deployment_id)
    signer = (create_signer if make else load_signer)(settings.log_key_file, name)
    if make:
        speaker.say(
            "log_key_created",
            f"Made the signing key: {settings.log_key_file}. Keep a copy of it apart from the databases, and restart the "
            "worker. Give this verifier key to whoever checks the log:",
            path=settings.log_key_file,
        )
    speaker.say("verifier_key", signer.vkey, key=signer.vkey)


def _publish(settings: "Settings", speaker: "Voice", out: str | None) -> None:
    from domain.ports.log import PublishingNotSetUp
    from ops.hosting import call_of_host, hosted

    if not settings.log_key_file.exists():
        raise PublishingNotSetUp(path=settings.log_key_file)
    with hosted() as system:
        publication = system.services.log.publish(call_of_host(system), by_hand=True)
        newest = publication.checkpoint if publication else system.services.log.checkpoint(call_of_host(system))
    _tell(settings, speaker, publication)
    if out == "-":
        typer.echo(newest.note, nl=False)
    elif out:
        _write(out, newest.note)
        speaker.say("checkpoint_written", f"Wrote the checkpoint over {newest.size:,} positions to {out}.", path=out)


def _tell(settings: "Settings", speaker: "Voice", publication: "Publication | None") -> None:
    if publication is None:
        speaker.say("nothing_new", "Nothing was stored since the last checkpoint.")
        return
    newest = publication.checkpoint
    facts: dict[str, Any] = {"origin": newest.origin, "size": newest.size, "root": newest.root.hex()}
    speaker.say(
        "checkpoint_published",
        f"Published a checkpoint over {newest.size:,} positions, cosigned by {publication.cosignatures} of "
        f"{publication.cosignatures + len(publication.silent)} witnesses.",
        cosignatures=publication.cosignatures,
        **facts,
    )
    for name in publication.silent:
        speaker.warn("witness_silent", f"The witness {name} did not cosign it.", witness=name)
    if settings.off_box is None:
        speaker.warn(
            "not_off_the_box",
            "It lies in the database alone, where whoever rules the machine can hide it. Set ANAMNESIS_OFF_BOX, or keep "
            "the file that --out writes somewhere else.",
        )


def _write(path: str, text: str) -> None:
    from pathlib import Path

    from domain.errors import Invalid

    try:
        Path(path).write_text(text, encoding="utf-8")
    except OSError as exc:
        raise Invalid("The file can't be written.", path=path, reason=exc.strerror) from exc
