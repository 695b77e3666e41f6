"""Published questionnaires: what there are, how they are scored, and where that is written."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.models.instruments import InstrumentItemOut, InstrumentOut, InstrumentsOut
from api.models.measures import Version
from domain.instruments import InstrumentNotFound
from domain.services.access import Action, RoleNotPermitted
from domain.services.rendering_outcomes import instrument_as_json

router = APIRouter(prefix="/v1/instruments", tags=["Measures"], route_class=Operation)


@router.get("", **reads("List instruments", InstrumentsOut, RoleNotPermitted, action=Action.INSTRUMENT_READ))
def list_instruments(ask: Reader) -> Response:
    """The current version of each."""
    shown = InstrumentItemOut.model_fields
    listed = [instrument_as_json(each) for each in ask.services.measures.instruments(ask.call())]
    return found({"items": [{name: each[name] for name in shown} for each in listed]})


@router.get(
    "/{key}",
    **reads("Read an instrument", InstrumentOut, InstrumentNotFound, RoleNotPermitted, action=Action.INSTRUMENT_READ),
)
def read_instrument(
    key: Annotated[
        str, Path(min_length=1, max_length=40, description="As the list of instruments gives it, such as `phq-9`.")
    ],
    ask: Reader,
    version: Annotated[
        Version | None, Query(description="A version, also a retired one; else the current one.")
    ] = None,
) -> Response:
    """All that is held of a version, with its sources. The wording is not: bring the licensed form."""
    return found(instrument_as_json(ask.services.measures.instrument(ask.call(), key, version)))
