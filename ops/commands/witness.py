"""`witness`: cosigns checkpoints of logs that go on from what it cosigned before."""

from typing import Annotated

import typer


def witness(  # noqa: PLR0913, PLR0917 - the options are the interface
    name: Annotated[str, typer.Option(help="What it signs as, such as witness.example/w1.")],
    key: Annotated[str, typer.Option(help="Its signing key file.")],
    state: Annotated[
        str | None, typer.Option(help="Folder of what it has cosigned. Keep it as long as the key.")
    ] = None,
    log: Annotated[
        list[str] | None, typer.Option(help="Verifier key of a log, or a file that holds it; repeat for more.")
    ] = None,
    listen: Annotated[str, typer.Option(help="host:port to listen on.")] = "127.0.0.1:8790",
    init: Annotated[bool, typer.Option("--init", help="Make the signing key first.")] = False,
    show_key: Annotated[bool, typer.Option("--show-key", help="Print its verifier key and leave.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Run a witness (C2SP tlog-witness) on a machine that others rule than those who rule the log.

    It reads no settings and knows no record. `ANAMNESIS_WITNESSES` tells a deployment whom to ask.
    """
    from pathlib import Path
    from time import time

    from adapters.log.key_file import create_signer, load_signer
    from adapters.log.notes import COSIGNATURE
    from adapters.log.witness import LogWitness
    from domain.errors import Invalid
    from ops.console import voice
    from ops.logging import configure
    from ops.verifying.fetching import verifier_key
    from ops.witnessing import WitnessServer, run

    speaker = voice(as_json=as_json)
    signer = (create_signer if init else load_signer)(Path(key).absolute(), name, COSIGNATURE)
    speaker.say("verifier_key", signer.vkey, key=signer.vkey)
    if show_key:
        return
    if state is None or not log:
        raise Invalid("A witness needs a folder (--state) and the verifier key of at least one log (--log).")
    configure("info", process="witness")
    keeper = LogWitness(Path(state).absolute(), signer, [verifier_key(each) for each in log], lambda: int(time()))
    server = WitnessServer(listen, keeper)
    host, port = str(server.server_address[0]), server.server_address[1]
    speaker.say("witness_ready", f"Listening on {host}:{port}.", host=host, port=port)
    run(server)
