"""Permission: one decision over one table, and what happens when it says no."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final, NoReturn
from uuid import UUID

from domain.errors import AnamnesisError, Denied, Erased, NotFound, Unauthenticated
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
    "RequesterGone",
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
    message = "How you stand to this client does not include this."


class PurposeNotPermitted(Denied):
    code = "purpose_not_permitted"
    message = "This may not be done for the purpose stated."
    hint = "The header Purpose states why; left out, it is what an account of your role is for."


class RequesterGone(Denied):
    """Of a job that acts under a grant."""

    code = "account_not_usable"
    message = "The account that asked for this is gone, or disabled."


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


def _hides(relation: Relation, record_class: RecordClass) -> bool:
    """Whether a denial would tell an account of a client what it is not to know: that there is such a client, or, to who
    stands for one, that an entry which something else names is about substance-use treatment.
    """
    return relation is Relation.NONE or (relation is Relation.REPRESENTATIVE and record_class is RecordClass.SUD)


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
        self._require_role(call, self._principal(call, action, client_id, resources), action, resources, client_id)

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
        relation: Relation | None = None,
        hidden: type[NotFound] = ClientNotFound,
    ) -> Standing:
        """How the actor stands to the client, if that is enough. At most one query, none for authors and clients.

        `author_id` and `supervisor_id` are those of the entry in question; `relation` is how the actor stands to it where
        that is kept with it, beside the team (psychotherapy notes); `hidden` is what an account of a client is
        told instead of a denial. Raises Denied (its code says why), ClientNotFound, Unauthenticated; StoreUnavailable
        when a denial can't be put on record.
        """
        if not call.actor.id.int:
            raise Unauthenticated
        actor = self._principal(call, action, client_id, resources)
        self._require_role(call, actor, action, resources, client_id)
        standing = self._standing(call, actor, client_id, author_id, supervisor_id)
        if relation is not None:
            standing = Standing(relation=relation, known=True, open=True)
        consented = True
        if client_id is not None and (
            ((actor.role, action, record_class, standing.relation), call.purpose) in _CONSENT_MATTERS
        ):
            consented = self._state.consented(client_id, call.purpose)
        if client_id is not None and not standing.known:
            raise self._unknown(actor, client_id, hidden)
        decision = decide(actor.role, action, record_class, standing.relation, consented, call.purpose)
        if not decision.allowed:
            error: AnamnesisError = _DENIALS[decision.reason]()
            if actor.role is Role.CLIENT and _hides(standing.relation, record_class):
                error = hidden()
            self._deny(call, action, client_id, resources, error, decision.reason)
        return standing

    def sees_substance_use(self, call: Call, client_id: UUID) -> bool:
        """Whether records of the client's substance-use treatment that somebody else wrote are open to the caller now.
        Nothing is put on record: what is left out of an answer was not asked for by name.
        """
        actor = self._principal(call, Action.SESSION_READ, client_id, ())
        standing = self._standing(call, actor, client_id, None, None)
        asked = (actor.role, Action.SESSION_READ, RecordClass.SUD, standing.relation)
        consented = self._state.consented(client_id, call.purpose)
        return in_scope(actor, Action.SESSION_READ) and decide(*asked, consented, call.purpose).allowed

    def _unknown(self, actor: Actor, client_id: UUID, hidden: type[NotFound]) -> AnamnesisError:
        """Why there is no such client: staff are told that there was one, until the record was erased."""
        if actor.role is Role.CLIENT:
            return hidden()
        return Erased(client_id=client_id) if self._state.erased(client_id) else hidden(client_id=client_id)

    def require_open(self, client_id: UUID) -> None:
        """For what adds to a chart, where `require` may answer without a look at it. Raises ClientEnteredInError."""
        if not self._state.standing(_NO_ACCOUNT, client_id).open:
            raise ClientEnteredInError(client_id=client_id)

    def _principal(self, call: Call, action: Action, client_id: UUID | None, resources: tuple[UUID, ...]) -> Actor:
        """Whose rights count: the caller's, or of a job under a grant those of whoever asked, as the account is now.

        Nobody but the house's own jobs acts for another. Raises RequesterGone.
        """
        if call.on_behalf_of is None:
            return call.actor
        account = self._state.account(call.on_behalf_of)
        inner = call.actor.role is Role.SERVICE and call.actor.sign_in_id is None
        if not inner or account is None or account.disabled:
            self._deny(call, action, client_id, resources, RequesterGone(account_id=call.on_behalf_of))
        return Actor(id=account.id, role=account.role, client_id=account.client_id, supervisor_id=account.supervisor_id)

    def _require_role(
        self, call: Call, actor: Actor, action: Action, resources: tuple[UUID, ...], client_id: UUID | None
    ) -> None:
        if (actor.role, action) not in _ROLE_MAY:
            self._deny(call, action, client_id, resources, RoleNotPermitted())
        if not in_scope(actor, action):
            self._deny(call, action, client_id, resources, ScopeNotPermitted())

    def _standing(
        self, call: Call, actor: Actor, client_id: UUID | None, author_id: UUID | None, supervisor_id: UUID | None
    ) -> Standing:
        # In an emergency only a broken glass counts, also for authors who left the team: else nobody would review it.
        if call.purpose is Purpose.EMERGENCY and client_id is not None:
            return self._state.standing(actor.id, client_id, call.at_us, emergency=True)
        if author_id == actor.id:
            return _AUTHOR
        if client_id is None:
            return _NO_CLIENT
        if actor.client_id == client_id:
            return _SELF
        if supervisor_id == actor.id:
            return _SUPERVISOR
        return self._state.standing(actor.id, client_id, call.at_us)

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
