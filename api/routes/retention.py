"""How long each class of record is kept, and why. For compliance officers."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import found
from api.asks import Reader
from api.declare import reads
from api.dispatch import Operation
from api.models.erasures import RetentionOut
from domain.retention.policies import Policies
from domain.services.access import Action, RoleNotPermitted

router = APIRouter(prefix="/v1/retention", tags=["Erasure and retention"], route_class=Operation)


@router.get("", **reads("Read the retention policies", RetentionOut, RoleNotPermitted, action=Action.RETENTION_READ))
def read_retention(ask: Reader) -> Response:
    """As the practice set them, or those that come with the product. What is past its maximum goes by itself each night."""
    return found(_policies_as_json(ask.services.erasures.policies(ask.call())))


def _policies_as_json(policies: Policies) -> dict[str, Any]:
    return {
        "early": policies.early.value,
        "majority_years": policies.majority_years,
        "classes": [
            {
                "record_class": each.record_class.value,
                "minimum_years": each.minimum_years,
                "minimum_years_after_majority": each.minimum_years_after_majority,
                "maximum_years": each.maximum_years,
                "basis": each.basis,
                "citation": each.citation,
            }
            for each in policies.classes.values()
        ],
    }
