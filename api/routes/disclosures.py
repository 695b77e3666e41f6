"""What people gave to somebody outside by hand. The accounting that lists it is read with the audit."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.answers import written
from api.asks import Writer
from api.declare import creates
from api.dispatch import Operation
from api.models.egress import DisclosureIn
from domain.errors import Erased
from domain.model.agreement import AgreementNotFound
from domain.model.checks import ImpossibleTime, OutOfRange
from domain.model.client import ClientNotFound
from domain.services.access import Action, OutsideCareTeam, RelationNotPermitted, RoleNotPermitted

router = APIRouter(prefix="/v1", tags=["Agreements and disclosures"], route_class=Operation)


@router.post(
    "/clients/{client_id}/disclosures",
    **creates(
        "Record a disclosure",
        RoleNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        ClientNotFound,
        Erased,
        AgreementNotFound,
        OutOfRange,
        ImpossibleTime,
        action=Action.DISCLOSURE_RECORD,
    ),
)
def record_disclosure(client_id: UUID, body: DisclosureIn, ask: Writer) -> Response:
    """For who leads the treatment, and for compliance officers, also of a client whose record was erased. The recipient is
    an agreement on record, one of kind `other` where there is no contract, and it may have ended. What should not have
    happened is recorded like anything else, as `unintended`.
    """
    disclosure_id = ask.runtime.ids.ordered()
    location = f"/v1/clients/{client_id}/disclosures"
    receipt = ask.services.disclosures.record(
        ask.writing(201, location),
        disclosure_id,
        client_id,
        agreement_id=body.agreement_id,
        purpose=body.purpose,
        classes=body.classes,
        disclosed_on=body.disclosed_on,
        basis=body.legal_basis,
    )
    return written(receipt, location=location)
