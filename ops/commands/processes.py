"""`serve`, `project` and `worker`: the three long-running processes of a deployment."""

from typing import Annotated

import typer


def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. [dim]ANAMNESIS_HOST[/]", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(help="Port to listen on. [dim]ANAMNESIS_PORT[/]", show_default="8000", min=1, max=65535),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="API processes. [dim]ANAMNESIS_WORKERS[/]", show_default="1", min=1, max=64)
    ] = None,
) -> None:
    """Run the API and its pages. SIGTERM lets running requests finish."""
    from dataclasses import replace

    from ops.logging import configure
    from ops.serving import serve as run
    from ops.settings import Settings

    settings = Settings.load()
    configure(settings.log_level, process="serve")
    run(replace(settings, host=host or settings.host, port=port or settings.port, workers=workers or settings.workers))


def project() -> None:
    """Run the projections, which fill the views that lists and journeys are read from."""
    from ops.logging import configure
    from ops.projecting import run
    from ops.settings import Settings

    settings = Settings.load()
    configure(settings.log_level, process="project")
    run(settings)


def worker() -> None:
    """Run background work: reports, webhooks, work lists, stale drafts, orphaned keys. Waits for Redis when it is away."""
    from ops.bootstrap import Part, build
    from ops.jobs import JOBS
    from ops.logging import configure
    from ops.settings import Settings
    from ops.worker import run

    settings = Settings.load()
    configure(settings.log_level, process="worker")
    with build(settings, parts=Part.WORKER) as system:
        run(system, JOBS)
