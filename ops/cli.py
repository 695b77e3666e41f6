"""The command line, `anamnesis`. Each command lives in ops/commands and imports what it needs when it runs.

Exit codes: 0 done, 1 refused or failed (one message says why and what to do), 2 wrong usage, 130 interrupted.
"""

import os
import sys
from typing import Annotated

import typer

from domain.errors import AnamnesisError
from ops.commands import (
    accounts,
    audit,
    backup,
    bench,
    checkpoint,
    demo,
    doctor,
    erase,
    exports,
    hold,
    imports,
    keys,
    migrate,
    processes,
    proof,
    restore,
    retention,
    verify,
    views,
    witness,
)
from ops.console import voice
from ops.saying import saying
from ops.settings import debugging

app = typer.Typer(
    name="anamnesis",
    help="The memory of a therapy platform. [dim]Settings come from ANAMNESIS_… variables; "
    "`anamnesis doctor` says whether they fit together.[/]",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(rich_help_panel="Begin")(demo.demo)
app.command(rich_help_panel="Begin")(doctor.doctor)
app.command(rich_help_panel="Run")(processes.serve)
app.command(rich_help_panel="Run")(processes.project)
app.command(rich_help_panel="Run")(processes.worker)
app.command(rich_help_panel="Maintain")(migrate.migrate)
app.command("rebuild-views", rich_help_panel="Maintain")(views.rebuild_views)
app.add_typer(keys.app, name="keys", rich_help_panel="Maintain")
app.add_typer(accounts.app, name="account", rich_help_panel="Maintain")
app.command(rich_help_panel="Maintain")(exports.export)
app.add_typer(imports.app, name="import", rich_help_panel="Maintain")
app.add_typer(audit.app, name="audit", rich_help_panel="Maintain")
app.add_typer(erase.app, name="erase", rich_help_panel="Maintain")
app.add_typer(hold.app, name="hold", rich_help_panel="Maintain")
app.add_typer(retention.app, name="retention", rich_help_panel="Maintain")
app.add_typer(backup.app, name="backup", rich_help_panel="Maintain")
app.command(rich_help_panel="Maintain")(restore.restore)
app.command(rich_help_panel="Prove")(checkpoint.checkpoint)
app.command(rich_help_panel="Prove")(verify.verify)
app.add_typer(proof.app, name="proof", rich_help_panel="Prove")
app.command(rich_help_panel="Prove")(witness.witness)
app.add_typer(bench.app, name="bench", rich_help_panel="Measure")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"anamnesis {version('anamnesis')}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of every command."""


def main() -> None:
    """Entry of the console script: an error on purpose is one message, anything else names its class."""
    speaker = voice(as_json="--json" in sys.argv)
    # What we and our children write is for the owner alone, also where it isn't said (Redis).
    os.umask(0o077)
    try:
        app()
    except AnamnesisError as error:
        if debugging():
            raise
        speaker.fail(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if debugging():
            raise
        speaker.fail(_unexpected(error))
        sys.exit(1)


def _unexpected(error: Exception) -> AnamnesisError:
    """A fault in the program, told without its text, which may quote a row."""
    hint = "Run it again with ANAMNESIS_DEBUG=1 to see where it happened; the trace may contain personal data."
    text = f"The program failed in a way nobody foresaw ({type(error).__name__})."
    return saying(AnamnesisError(text), code="unexpected", hint=hint)


if __name__ == "__main__":
    main()
