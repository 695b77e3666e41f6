"""What the policy says of what is kept apart, in other words than the table: psychotherapy notes, and substance use."""

from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.keys import RecordClass

R, P, C = Relation, Purpose, RecordClass
THERAPISTS = {Role.CLINICIAN, Role.SUPERVISOR}
TEAM = {R.PRIMARY_CLINICIAN, R.CLINICIAN, R.SUPERVISOR}


def of_notes(  # noqa: C901, PLR0911 - one sentence an action
    role: Role, action: str, record_class: RecordClass, relation: Relation, purpose: Purpose
) -> bool:
    """A therapist's own, for treatment; afterwards the custodian's; and theirs whom the client let in."""
    verb = action.removeprefix("note.")
    if not action.startswith("note.") or record_class not in {C.NOTES, C.SUD_NOTES}:
        return False
    plain = record_class is C.NOTES  # who keeps and who reads is not told apart by what the notes are about
    if role is Role.COMPLIANCE_OFFICER:
        # They say who keeps what somebody left and end what was taken back, and read nothing.
        housekeeping = verb in {"find", "name_custodian", "revoke_authorisation"}
        return plain and housekeeping and relation is R.NONE and purpose in {P.COMPLIANCE, P.CLIENT_REQUEST}
    if role not in THERAPISTS or purpose is not P.TREATMENT:
        return False
    match verb:
        case "write":
            return relation in {R.PRIMARY_CLINICIAN, R.CLINICIAN}
        case "read":
            return relation in {R.AUTHOR, R.CUSTODIAN, R.AUTHORISED}
        case "change" | "mark_entered_in_error":
            return relation is R.AUTHOR
        case "list":
            return plain and relation in {R.AUTHOR, R.CUSTODIAN, R.AUTHORISED}
        case "authorise" | "revoke_authorisation":
            return plain and relation in {R.AUTHOR, R.CUSTODIAN}
        case "name_custodian":
            return plain and relation is R.AUTHOR
        case "take_custody":
            return plain and relation is R.CUSTODIAN
        case "find":
            return plain and relation is R.NONE
    return False


def of_substance_use(  # noqa: C901, PLR0911 - one sentence a reason
    role: Role,
    action: str,
    relation: Relation,
    consented: bool,  # noqa: FBT001 - a column of the table
    purpose: Purpose,
) -> bool:
    """As the journal and the measures are, for treatment alone and with consent; without it for who wrote it, whom it is
    about, and in an emergency.
    """
    reads = action in {
        f"{kind}.read" for kind in ("session", "transcript", "goal", "diagnosis", "medication", "measure")
    }
    if role is Role.CLIENT:
        told = action == "measure.record" and relation in {R.SELF, R.REPRESENTATIVE}
        return purpose is P.CLIENT_REQUEST and (told or (reads and relation is R.SELF))
    if role not in THERAPISTS:
        return False
    if purpose is P.EMERGENCY:
        return reads and relation is R.BREAK_GLASS
    if purpose is not P.TREATMENT:
        return False
    subject, verb = action.split(".")
    begins = action in {"session.record", "goal.set", "diagnosis.record", "medication.record"}
    goes_on = subject in {"transcript", "goal", "diagnosis", "medication"} and not begins and verb != "read"
    if relation is R.AUTHOR:
        own = {"session.amend", "session.sign", "session.add_addendum", "session.mark_entered_in_error"}
        return reads or goes_on or action in own | {"measure.mark_entered_in_error"}
    if relation not in TEAM:
        return False
    treats = relation is not R.SUPERVISOR
    # Nobody is told anything by what is written down for the first time.
    if begins:
        return treats
    if action == "measure.record":
        return True
    if not consented:
        return False
    if goes_on:
        return treats
    if action in {"session.cosign", "session.return"}:
        return role is Role.SUPERVISOR and relation is R.SUPERVISOR
    if action == "session.mark_entered_in_error":
        return relation is not R.CLINICIAN
    return reads or action in {"session.add_addendum", "measure.mark_entered_in_error"}
