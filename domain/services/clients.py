"""Charts: opening them, who they are about, who cares, what was consented to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.errors import Invalid
from domain.model import checks
from domain.model.account import AccountDisabled, AccountNotFound
from domain.model.client import Client, ClientEnteredInError, ClientStatus
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.identity import Identity, IdentityContent, check_birth_date
from domain.model.values import RepresentativeAuthority
from domain.ports.access import AccessState, Relation
from domain.ports.alerts import Alert, AlertCode, Alerts
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Purpose, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.ports.views import CaseloadItem, CaseloadView
from domain.ports.worklist import Severity
from domain.services.access import Access, Action, RelationNotPermitted
from domain.services.versions import check_version

_ROLES_OF: dict[Relation, frozenset[Role]] = {
    Relation.PRIMARY_CLINICIAN: frozenset((Role.CLINICIAN, Role.SUPERVISOR)),
    Relation.CLINICIAN: frozenset((Role.CLINICIAN, Role.SUPERVISOR)),
    Relation.SUPERVISOR: frozenset((Role.SUPERVISOR,)),
    Relation.REPRESENTATIVE: frozenset((Role.CLIENT,)),
    Relation.SYSTEM: frozenset((Role.SERVICE,)),
}
_LEADS = frozenset((Relation.PRIMARY_CLINICIAN, Relation.SUPERVISOR))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A client that exact look-up found; whoever is outside the care team learns the id, whether the chart is the one to
    go on with, and nothing more.
    """

    client_id: UUID
    in_care_team: bool
    status: ClientStatus


class ClientService:
    def __init__(  # noqa: PLR0913 - one argument a port
        self,
        *,
        ledger: Ledger,
        access: Access,
        state: AccessState,
        clients: AggregateStore[Client],
        identities: AggregateStore[Identity],
        caseload: CaseloadView,
        alerts: Alerts,
        review_within: timedelta = timedelta(hours=72),
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._state = state
        self._clients = clients
        self._identities = identities
        self._caseload = caseload
        self._alerts = alerts
        self._review_within = review_within

    def register(self, call: Call, client_id: UUID, identity: IdentityContent) -> Receipt:
        """Open a chart; the caller becomes the primary clinician. `client_id` is a fresh random UUIDv4.

        Raises Denied, Invalid.
        """
        self._access.require(call, Action.CLIENT_REGISTER, RecordClass.IDENTITY, resources=(client_id,))
        client = Client.register(client_id, at=call.at, by=call.actor.id)
        who = Identity.record(client_id, at=call.at, by=call.actor.id, content=identity)
        return self._ledger.save(call, _entry(Action.CLIENT_REGISTER, client_id, who.id), client, who)

    def read(self, call: Call, client_id: UUID) -> Client:
        """Care team, consents, status. Raises ClientNotFound, Denied, Erased."""
        self._access.require(call, Action.CLIENT_READ, RecordClass.JOURNAL, client_id, (client_id,))
        client = self._clients.get(client_id)
        self._ledger.note(call, _entry(Action.CLIENT_READ, client_id))
        return client

    def identity(self, call: Call, client_id: UUID) -> Identity:
        """Who the client is. Raises ClientNotFound, Denied, Erased."""
        self._access.require(call, Action.IDENTITY_READ, RecordClass.IDENTITY, client_id, (client_id,))
        identity = self._identities.get(Identity.stream_of(client_id))
        self._ledger.note(call, _entry(Action.IDENTITY_READ, client_id, identity.id))
        return identity

    def correct_identity(self, call: Call, client_id: UUID, identity: IdentityContent) -> Receipt:
        """`call.expected_version` is the identity's. Raises ClientNotFound, Denied, ClientEnteredInError, StaleVersion,
        IdentityUnchanged, Invalid.
        """
        standing = self._access.require(call, Action.IDENTITY_CORRECT, RecordClass.IDENTITY, client_id, (client_id,))
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)
        who = self._identities.get(Identity.stream_of(client_id))
        check_version(call, who)
        who.correct(at=call.at, by=call.actor.id, content=identity)
        return self._ledger.save(call, _entry(Action.IDENTITY_CORRECT, client_id, who.id), who)

    def find(self, call: Call, family_name: str, birth_date: str) -> Sequence[Found]:
        """Exact look-up over the organisation, before a chart is opened twice. Only ids come back, and whether the chart
        was entered in error: such a one is not to be gone on with, and who asks about their record must hear of it.

        `birth_date` as precise as it was registered; clients without one are found in their team's caseload alone.
        Raises Denied, Invalid.
        """
        self._access.require(call, Action.CLIENT_FIND, RecordClass.IDENTITY)
        checks.text("family_name", family_name, 200, least=1, one_line=True)
        checks.text("birth_date", birth_date, 10, least=1)
        check_birth_date(birth_date, call.at)
        ids = self._state.find_by_identity(family_name, birth_date)
        found = tuple(self._found(call.actor.id, client_id) for client_id in ids)
        self._ledger.note(call, AuditEntry(action=Action.CLIENT_FIND, clients=tuple(ids)))
        return found

    def caseload(self, call: Call, at_least: int = 0) -> Sequence[CaseloadItem]:
        """The clients whose care team the caller is in. Raises Denied, ViewBehind."""
        self._access.require(call, Action.CLIENT_CASELOAD, RecordClass.IDENTITY)
        ids = self._state.caseload(call.actor.id)
        items = self._caseload.of_clients(ids, at_least=at_least)
        self._ledger.note(call, AuditEntry(action=Action.CLIENT_CASELOAD, clients=tuple(ids)))
        return items

    def join_care_team(self, call: Call, client_id: UUID, account_id: UUID, relation: Relation) -> Receipt:
        """Add an account, or change its relation. An operator may, to hand a chart over, which is alerted and reviewed like
        broken glass; another program is let in by who leads the treatment alone, since operators hold its secrets.

        Raises ClientNotFound, Denied, StaleVersion, AccountNotFound, AccountDisabled, AlreadyInCareTeam,
        LastPrimaryClinician, ClientEnteredInError, Invalid.
        """
        client = self._for_change(call, Action.CLIENT_JOIN_CARE_TEAM, client_id, account_id)
        if relation is Relation.SYSTEM and client.care_team.get(call.actor.id) not in _LEADS:
            denial = RelationNotPermitted
            self._access.note_denial(call, Action.CLIENT_JOIN_CARE_TEAM, client_id, (account_id,), denial.code)
            raise denial
        self._check_member(account_id, relation)
        client.join_care_team(at=call.at, by=call.actor.id, account_id=account_id, relation=relation)
        if call.actor.role is Role.OPERATOR:
            return self._hand_over(call, client, account_id)
        return self._save(call, Action.CLIENT_JOIN_CARE_TEAM, client, account_id)

    def let_representative_in(
        self, call: Call, client_id: UUID, account_id: UUID, authority: RepresentativeAuthority, until: datetime
    ) -> Receipt:
        """To what gives the client the right of access, until a day. By who leads the treatment, or by compliance.

        Raises ClientNotFound, Denied, StaleVersion, AccountNotFound, AccountDisabled, AlreadyInCareTeam,
        ClientEnteredInError, Invalid.
        """
        client = self._for_change(call, Action.CLIENT_LET_REPRESENTATIVE_IN, client_id, account_id)
        self._check_member(account_id, Relation.REPRESENTATIVE)
        client.let_representative_in(
            at=call.at, by=call.actor.id, account_id=account_id, authority=authority, until=until
        )
        return self._save(call, Action.CLIENT_LET_REPRESENTATIVE_IN, client, account_id)

    def end_representation(self, call: Call, client_id: UUID, account_id: UUID) -> Receipt:
        """Before its day. Raises ClientNotFound, Denied, StaleVersion, NotInCareTeam."""
        client = self._for_change(call, Action.CLIENT_END_REPRESENTATION, client_id, account_id)
        client.end_representation(at=call.at, by=call.actor.id, account_id=account_id)
        return self._save(call, Action.CLIENT_END_REPRESENTATION, client, account_id)

    def leave_care_team(self, call: Call, client_id: UUID, account_id: UUID) -> Receipt:
        """Take an account out; anybody may step down. Its unsigned sessions stay its own to finish.

        Raises ClientNotFound, Denied, StaleVersion, NotInCareTeam, LastPrimaryClinician.
        """
        own = account_id == call.actor.id
        action = Action.CLIENT_STEP_DOWN if own else Action.CLIENT_LEAVE_CARE_TEAM
        client = self._for_change(call, action, client_id, account_id)
        client.leave_care_team(at=call.at, by=call.actor.id, account_id=account_id)
        return self._save(call, action, client, account_id)

    def give_consent(  # noqa: PLR0913, PLR0917 - one argument a fact of the consent
        self, call: Call, client_id: UUID, consent_id: UUID, purpose: Purpose, document: str, given_at: datetime
    ) -> Receipt:
        """Raises ClientNotFound, Denied, StaleVersion, ConsentAlreadyGiven, ClientEnteredInError, Invalid."""
        client = self._for_change(call, Action.CLIENT_GIVE_CONSENT, client_id, consent_id)
        client.give_consent(
            at=call.at,
            by=call.actor.id,
            consent_id=consent_id,
            purpose=purpose,
            document=document,
            given_at=given_at,
        )
        return self._save(call, Action.CLIENT_GIVE_CONSENT, client, consent_id)

    def withdraw_consent(self, call: Call, client_id: UUID, consent_id: UUID) -> Receipt:
        """Raises ClientNotFound, Denied, StaleVersion, ConsentNotFound, ConsentAlreadyWithdrawn."""
        client = self._for_change(call, Action.CLIENT_WITHDRAW_CONSENT, client_id, consent_id)
        client.withdraw_consent(at=call.at, by=call.actor.id, consent_id=consent_id)
        return self._save(call, Action.CLIENT_WITHDRAW_CONSENT, client, consent_id)

    def mark_entered_in_error(self, call: Call, client_id: UUID, reason: str) -> Receipt:
        """A chart opened twice or for the wrong person: it takes nothing new. What stands in it can be signed, co-signed or
        returned, called off, told how it went, or marked as entered in error; consents withdrawn, the team left.

        Raises ClientNotFound, Denied, StaleVersion, ClientEnteredInError, Invalid.
        """
        client = self._for_change(call, Action.CLIENT_MARK_ENTERED_IN_ERROR, client_id)
        client.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._save(call, Action.CLIENT_MARK_ENTERED_IN_ERROR, client)

    def _for_change(self, call: Call, action: Action, client_id: UUID, *resources: UUID) -> Client:
        self._access.require(call, action, RecordClass.JOURNAL, client_id, resources)
        client = self._clients.get(client_id)
        check_version(call, client)
        return client

    def _save(self, call: Call, action: Action, client: Client, *resources: UUID) -> Receipt:
        return self._ledger.save(call, _entry(action, client.id, *resources), client)

    def _hand_over(self, call: Call, client: Client, account_id: UUID) -> Receipt:
        """Who makes accounts could let one of their own in: so it is told, and somebody looks at it."""
        handed = ExceptionalAccess.hand_over(
            at=call.at,
            by=call.actor.id,
            client_id=client.id,
            version=client.version,
            account_id=account_id,
            review_within=self._review_within,
        )
        entry = _entry(Action.CLIENT_JOIN_CARE_TEAM, client.id, account_id, handed.id)
        receipt = self._ledger.save(call, entry, client, handed)
        if not receipt.replayed:
            self._alerts.tell(
                Alert(
                    code=AlertCode.CHART_HANDED_OVER,
                    severity=Severity.HIGH,
                    resource_id=handed.id,
                    account_id=account_id,
                    client_id=client.id,
                )
            )
        return receipt

    def _found(self, account_id: UUID, client_id: UUID) -> Found:
        standing = self._state.standing(account_id, client_id)
        return Found(
            client_id=client_id,
            in_care_team=standing.relation is not Relation.NONE,
            status=ClientStatus.ACTIVE if standing.open else ClientStatus.ENTERED_IN_ERROR,
        )

    def _check_member(self, account_id: UUID, relation: Relation) -> None:
        account = self._state.account(account_id)
        if account is None:
            raise AccountNotFound(account_id=account_id)
        if account.disabled:
            raise AccountDisabled(account_id=account_id)
        if account.role not in _ROLES_OF.get(relation, frozenset()):
            raise Invalid("An account of this role can't stand in this relation to a client.", field="relation")


def _entry(action: Action, client_id: UUID, *resources: UUID) -> AuditEntry:
    return AuditEntry(action=action, client_id=client_id, resources=resources or (client_id,))
