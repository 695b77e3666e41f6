"""`proof`: that a position stands in the log, that the log only grew, and a check of either without a database."""

from typing import Annotated

import typer

app = typer.Typer(help="Proofs about the log, and their check.", no_args_is_help=True, rich_markup_mode="rich")
Out = Annotated[str | None, typer.Option(help="File to write the proof into; by default it is printed.")]
AsJson = Annotated[bool, typer.Option("--json", help="As one JSON object.")]


@app.command("inclusion")
def inclusion(
    position: Annotated[int, typer.Argument(help="As answers and audit entries name it.", min=1)],
    size: Annotated[int | None, typer.Option(help="Size of a published checkpoint; the newest by default.")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a position is in the tree of a checkpoint: a C2SP tlog-proof, which carries the checkpoint along."""
    from ops.proving import inclusion_document, written

    written(inclusion_document(position, size), out, as_json=as_json)


@app.command("consistency")
def consistency(
    first: Annotated[int, typer.Argument(help="Size of the earlier checkpoint.", min=0)],
    second: Annotated[int | None, typer.Argument(help="Size of the later one; the newest by default.")] = None,
    out: Out = None,
) -> None:
    """Prove that nothing which the earlier checkpoint covered was changed or taken out since. Always as JSON."""
    from ops.proving import consistency_document, written

    written(consistency_document(first, second), out, as_json=True)


@app.command("check")
def check(
    file: Annotated[str, typer.Argument(help="A proof, as written by the other two or answered by the API.")],
    key: Annotated[str, typer.Option(help="Verifier key of the log, or a file that holds it.")],
    checkpoint: Annotated[
        list[str] | None, typer.Option(help="File or address of a checkpoint, where the proof doesn't carry it.")
    ] = None,
    leaf: Annotated[str | None, typer.Option(help="The leaf that it must be about, hexadecimal.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check a proof against signed checkpoints. Needs no database and no settings."""
    from ops.console import voice
    from ops.proving import checked

    text, facts = checked(file, key, checkpoint or [], leaf)
    voice(as_json=as_json).say("proof_holds", text, **facts)
