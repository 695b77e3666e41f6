"""Pages for people, rendered here: they work without script and load nothing from elsewhere."""

from fastapi import FastAPI


def add_to(app: FastAPI) -> None:
    del app
