"""`bench`: measurements against the aims. They live in ops.bench and bring heavy imports, so they come when asked for."""

import subprocess
import sys

import typer

app = typer.Typer(help="Measure against the aims, on this machine.", no_args_is_help=True, rich_markup_mode="rich")


@app.command(
    "store",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def store(context: typer.Context) -> None:
    """Durable appends, sealing, replay, projection lag, HTTP, beside the library's own recorder. --help for options."""
    from ops.bench.store import app as bench

    bench(args=context.args, prog_name="anamnesis bench store")


@app.command(
    "progress",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def progress(context: typer.Context) -> None:
    """Reports, contexts, PDF, pictures of a ten-year client, and a caseload of 200, over HTTP. --help for options."""
    from ops.bench.progress import app as bench

    bench(args=context.args, prog_name="anamnesis bench progress")


@app.command(
    "trends",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def trends(context: typer.Context) -> None:
    """How often the rule for trends is right on simulated clients, and what it costs. --help for options."""
    from ops.bench.trends import app as bench

    bench(args=context.args, prog_name="anamnesis bench trends")


@app.command(
    "import",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def imports(context: typer.Context) -> None:
    """Transcripts taken over a second. --help for options."""
    from ops.bench.imports import app as bench

    bench(args=context.args, prog_name="anamnesis bench import")


@app.command(
    "erase",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def erase(context: typer.Context) -> None:
    """How long erasing a client of ten years takes. --help for options."""
    from ops.bench.erasing import app as bench

    bench(args=context.args, prog_name="anamnesis bench erase")


@app.command(
    "audit",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def audit(context: typer.Context) -> None:
    """Searches of a long audit trail, by every filter and several together. --help for options."""
    from ops.bench.audit import app as bench

    bench(args=context.args, prog_name="anamnesis bench audit")


@app.command(
    "log",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def log(context: typer.Context) -> None:
    """A log of a million rows verified, and positions of it proven. --help for options."""
    from ops.bench.log import app as bench

    bench(args=context.args, prog_name="anamnesis bench log")


@app.command(
    "kernels",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def kernels(context: typer.Context) -> None:
    """The language model's kernels: errors and counts anywhere, speed on a GPU. --help for options."""
    # A process of its own: only `ml` imports the kernels, and neither PyTorch nor its settings come in here.
    command = [sys.executable, "-m", "kernels.bench", *context.args]
    done = subprocess.run(command, check=False)  # noqa: S603 - a module of our own installation
    raise typer.Exit(done.returncode)
