"""Permission: one decision over one table, and what happens when it says no."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, NoReturn
from uuid import UUID

from domain.errors import AnamnesisError, Denied, NotFound, Unauthenticated
from domain.model.client import ClientEnteredInError, ClientNotFound
from domain.model.session import NotTheAuthor
from domain.ports.access import AccessState, Relation, Standing
from domain.ports.audit import AuditEntry, Outcome
from domain.ports.call import Actor, Call, Purpose, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger
from domain.services.policy import RULES, SCOPES, Action, Rule

__all__ = [
    "Access",
    "Action",
    "ClassNotPermitted",
    "ConsentMissing",
    "Decision",
    "OutsideCareTeam",
    "PurposeNotPermitted",
    "RelationNotPermitted",
    "RoleNotPermitted",
    "ScopeNotPermitted",
    "decide",
]


class RoleNotPermitted(Denied):
    code = "role_not_permitted"
    message = "An account of this role may not do this."


class ScopeNotPermitted(Denied):
    code = "scope_not_permitted"
    message = "No scope of this service account includes this."
    hint = "An operator can make a service account with the scope that does."


class ClassNotPermitted(Denied):
    code = "class_not_permitted"
    message = "This class of record is closed to this action."


class OutsideCareTeam(Denied):
    code = "outside_care_team"
    message = "You are not in this client's care team."
    hint = "The primary clinician can let you join it."


class RelationNotPermitted(Denied):
    code = "relation_not_permitted"
    message = "Your place in the care team does not include this."


class PurposeNotPermitted(Denied):
    code = "purpose_not_permitted"
    message = "This may not be done for the purpose stated."


class ConsentMissing(Denied):
    code = "consent_missing"
    message = "The client has not consented to this."


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` is the name of the rule that allows, or the code of the denial."""

    allowed: bool
    reason: str


_Key = tuple[Role, Action, RecordClass, Relation, bool, Purpose]
_DENIALS: Final[Mapping[str, type[Denied]]] = {
    denial.code: denial
    for denial in (
        RoleNotPermitted,
        ClassNotPermitted,
        OutsideCareTeam,
        RelationNotPermitted,
        PurposeNotPermitted,
        ConsentMissing,
        NotTheAuthor,
    )
}


def compiled(rules: Iterable[Rule]) -> dict[_Key, Decision]:
    """Every allowed combination, spelled out, so that a decision is one look-up. Earlier rules give the reason."""
    table: dict[_Key, Decision] = {}
    for rule in rules:
        decision = Decision(allowed=True, reason=rule.name)
        consents = (True,) if rule.needs_consent else (True, False)
        for role, action, relation, consented, purpose in product(
            rule.roles, rule.actions, rule.relations, consents, rule.purposes
        ):
            table.setdefault((role, action, rule.record_class, relation, consented, purpose), decision)
    return table


_ALLOWED: Final = compiled(RULES)
_ROLE_MAY: Final = frozenset((role, action) for role, action, *_ in _ALLOWED)
_CLASS_MAY: Final = frozenset(key[:3] for key in _ALLOWED)
_RELATIONS: Final[Mapping[tuple[Role, Action], frozenset[Relation]]] = {
    (role, action): frozenset(key[3] for key in _ALLOWED if key[:2] == (role, action)) for role, action in _ROLE_MAY
}
_CONSENT_MATTERS: Final = frozenset(
    (key[:4], key[5]) for key in _ALLOWED if (*key[:4], not key[4], key[5]) not in _ALLOWED
)


def decide(  # noqa: PLR0913, PLR0917 - the six things a decision depends on
    role: Role,
    action: Action,
    record_class: RecordClass,
    relation: Relation,
    consented: bool,  # noqa: FBT001 - one of six columns of the table, given in their order
    purpose: Purpose,
) -> Decision:
    """Whether the table allows it, and why or why not. Pure; under 2 µs."""
    return _ALLOWED.get((role, action, record_class, relation, consented, purpose)) or _denial(
        role, action, record_class, relation, consented, purpose
    )


def _denial(  # noqa: PLR0913, PLR0917 - as decide
    role: Role,
    action: Action,
    record_class: RecordClass,
    relation: Relation,
    consented: bool,  # noqa: FBT001 - one of six columns of the table, given in their order
    purpose: Purpose,
) -> Decision:
    """The first thing that stands in the way, in the order in which a person could change it least."""
    if (role, action) not in _ROLE_MAY:
        return Decision(False, RoleNotPermitted.code)
    if (role, action, record_class) not in _CLASS_MAY:
        return Decision(False, ClassNotPermitted.code)
    relations = _RELATIONS[role, action]
    if relation not in relations:
        if relation is Relation.NONE:
            return Decision(False, OutsideCareTeam.code)
        return Decision(False, NotTheAuthor.code if relations == {Relation.AUTHOR} else RelationNotPermitted.code)
    if not consented and (role, action, record_class, relation, True, purpose) in _ALLOWED:
        return Decision(False, ConsentMissing.code)
    return Decision(False, PurposeNotPermitted.code)


def in_scope(actor: Actor, action: Action) -> bool:
    """Whether a scope includes it, for service accounts that signed in; always for everybody else."""
    if actor.role is not Role.SERVICE or actor.sign_in_id is None:
        return True
    return any(action in SCOPES[scope] for scope in actor.scopes)


_NO_ACCOUNT: Final = UUID(int=0)
_NO_CLIENT: Final = Standing(relation=Relation.NONE, known=False, open=False)
_SELF: Final = Standing(relation=Relation.SELF, known=True, open=True)
_AUTHOR: Final = Standing(relation=Relation.AUTHOR, known=True, open=True)
_SUPERVISOR: Final = Standing(relation=Relation.SUPERVISOR, known=True, open=True)


class Access:
    """Asks the table and the access state; a denial is durably on record before it is told.

    Ids are random, so a clinician may learn that a client exists whose team they are not in (403, with whom to ask);
    accounts of clients may not: to them everything that isn't theirs does not exist (404).
    """

    def __init__(self, *, ledger: Ledger, state: AccessState) -> None:
        self._ledger = ledger
        self._state = state

    def require_role(
        self, call: Call, action: Action, resources: tuple[UUID, ...] = (), client_id: UUID | None = None
    ) -> None:
        """Before anything is loaded: that this role may ever do it, so that ids tell other roles nothing. `client_id`
        is whose record was asked for, as far as the caller named one. Raises RoleNotPermitted, ScopeNotPermitted,
        Unauthenticated.
        """
        if not call.actor.id.int:
            raise Unauthenticated
        if (call.actor.role, action) not in _ROLE_MAY:
            self._deny(call, action, client_id, resources, RoleNotPermitted())
        if not in_scope(call.actor, action):
            self._deny(call, action, client_id, resources, ScopeNotPermitted())

    def require(  # noqa: PLR0913 - what a decision depends on
        self,
        call: Call,
        action: Action,
        record_class: RecordClass,
        client_id: UUID | None = None,
        resources: tuple[UUID, ...] = (),
        *,
        author_id: UUID | None = None,
        supervisor_id: UUID | None = None,
        hidden: type[NotFound] = ClientNotFound,
    ) -> Standing:
        """How the actor stands to the client, if that is enough. At most one query, none for authors and clients.

        `author_id` and `supervisor_id` are those of the entry in question; `hidden` is what an account of a client is
        told instead of a denial. Raises Denied (its code says why), ClientNotFound, Unauthenticated; StoreUnavailable
        when a denial can't be put on record.
        """
        self.require_role(call, action, resources, client_id)
        actor = call.actor
        standing = self._standing(call, client_id, author_id, supervisor_id)
        consented = True
        if client_id is not None and (
            ((actor.role, action, record_class, standing.relation), call.purpose) in _CONSENT_MATTERS
        ):
            consented = self._state.consented(client_id, call.purpose)
        if client_id is not None and not standing.known:
            raise hidden(client_id=client_id) if actor.role is not Role.CLIENT else hidden()
        decision = decide(actor.role, action, record_class, standing.relation, consented, call.purpose)
        if not decision.allowed:
            error: AnamnesisError = _DENIALS[decision.reason]()
            if actor.role is Role.CLIENT and standing.relation is Relation.NONE:
                error = hidden()
            self._deny(call, action, client_id, resources, error, decision.reason)
        return standing

    def require_open(self, client_id: UUID) -> None:
        """For what adds to a chart, where `require` may answer without a look at it. Raises ClientEnteredInError."""
        if not self._state.standing(_NO_ACCOUNT, client_id).open:
            raise ClientEnteredInError(client_id=client_id)

    def _standing(
        self, call: Call, client_id: UUID | None, author_id: UUID | None, supervisor_id: UUID | None
    ) -> Standing:
        actor = call.actor
        if author_id == actor.id:
            return _AUTHOR
        if client_id is None:
            return _NO_CLIENT
        if actor.client_id == client_id:
            return _SELF
        if supervisor_id == actor.id:
            return _SUPERVISOR
        return self._state.standing(actor.id, client_id)

    def _deny(  # noqa: PLR0913, PLR0917 - what is put on record
        self,
        call: Call,
        action: Action,
        client_id: UUID | None,
        resources: tuple[UUID, ...],
        error: AnamnesisError,
        reason: str = "",
    ) -> NoReturn:
        self.note_denial(call, action, client_id, resources, reason or error.code)
        raise error

    def note_denial(
        self, call: Call, action: Action, client_id: UUID | None, resources: tuple[UUID, ...], reason: str
    ) -> None:
        """Durably, on its own. Raises StoreUnavailable."""
        entry = AuditEntry(
            action=action, client_id=client_id, resources=resources, outcome=Outcome.DENIED, reason=reason
        )
        self._ledger.note(call, entry)
