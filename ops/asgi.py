"""What a web server loads: `ops.asgi:create`, with settings from the environment."""

import atexit
import gc

from fastapi import FastAPI

from api.app import create_app
from ops.bootstrap import Part, System, build
from ops.logging import configure
from ops.settings import Settings


def create() -> FastAPI:
    """The application of one API process. Raises what `build` raises."""
    settings = Settings.load()
    configure(settings.log_level, process="serve")
    system = build(settings, parts=Part.API)
    atexit.register(system.close)
    return application(system)


def application(system: System) -> FastAPI:
    """The API over a system built for it."""
    app = create_app(system.services, system.runtime())
    # What stands now stays for good: the collector need not walk a hundred thousand objects under a request.
    gc.collect()
    gc.freeze()
    if system.settings.warm_up:
        system.warming.start()
    return app
