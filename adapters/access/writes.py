"""Which rows of the access tables follow from which event. Pure: an event and its aggregate in, statements out."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Boolean, bindparam, delete, exists, insert, literal, select, update

from adapters.access.instants import microseconds
from adapters.access.tables import (
    accounts,
    care_team,
    clients,
    consents,
    drafts,
    exceptional_access,
    identity_lookup,
    linked_identities,
    notes_folders,
    secret_uses,
    sign_ins,
    webhooks,
)
from adapters.access.vault import AccessVault, AccountSecrets
from adapters.egress import agreements as of_agreements
from adapters.erasure import writes as of_erasures
from adapters.event_store.rows import StateWrite
from domain.model.account import Account
from domain.model.client import Client, ClientStatus
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.identity import Identity
from domain.model.notes_folder import NotesFolder
from domain.model.session import Session
from domain.model.sign_in import SignIn
from domain.model.webhook import Webhook, WebhookStatus
from domain.ports.access import Relation
from domain.ports.exceptional import AccessWay, Verdict

ALL_REVOKED: Final = UUID(int=0)
"""In place of the sign-in that a change of password spares."""

_ADD_ACCOUNT: Final = insert(accounts)
_UPDATE_ACCOUNT: Final = update(accounts).where(accounts.c.id == bindparam("account"))
_ADD_SIGN_IN: Final = insert(sign_ins)
_UPDATE_SIGN_IN: Final = update(sign_ins).where(sign_ins.c.id == bindparam("sign_in"))
_REVOKE_ALL_BUT: Final = (
    update(sign_ins)
    .where(sign_ins.c.account_id == bindparam("account"), sign_ins.c.id != bindparam("kept"))
    .values(revoked=True)
)
_LINK: Final = insert(linked_identities)
_UNLINK: Final = delete(linked_identities).where(
    linked_identities.c.account_id == bindparam("account"), linked_identities.c.link_id == bindparam("link")
)
_SECRET_USED: Final = update(secret_uses).where(secret_uses.c.secret_id == bindparam("used_secret"))
_ADD_SECRET_USE: Final = insert(secret_uses).from_select(
    ["secret_id", "account_id", "used_at_us"],
    select(
        bindparam("used_secret", type_=secret_uses.c.secret_id.type),
        bindparam("account", type_=secret_uses.c.account_id.type),
        bindparam("used_us", type_=secret_uses.c.used_at_us.type),
    ).where(~exists(select(secret_uses.c.secret_id).where(secret_uses.c.secret_id == bindparam("used_secret")))),
)
_FORGET_SECRET: Final = delete(secret_uses).where(secret_uses.c.secret_id == bindparam("used_secret"))
_ADD_CLIENT: Final = insert(clients)
_SET_CLIENT: Final = update(clients).where(clients.c.id == bindparam("client")).values(status=bindparam("state"))
_SET_RELATION: Final = (
    update(care_team)
    .where(care_team.c.client_id == bindparam("client"), care_team.c.account_id == bindparam("account"))
    .values(relation=bindparam("how"), mac=bindparam("proof"), until_us=bindparam("end_us"))
)
_ADD_MEMBER: Final = insert(care_team).from_select(
    ["client_id", "account_id", "relation", "joined_at_us", "mac", "until_us"],
    select(
        bindparam("client", type_=care_team.c.client_id.type),
        bindparam("account", type_=care_team.c.account_id.type),
        bindparam("how", type_=care_team.c.relation.type),
        bindparam("joined_us", type_=care_team.c.joined_at_us.type),
        bindparam("proof", type_=care_team.c.mac.type),
        bindparam("end_us", type_=care_team.c.until_us.type),
    ).where(
        ~exists(
            select(care_team.c.client_id).where(
                care_team.c.client_id == bindparam("client"), care_team.c.account_id == bindparam("account")
            )
        )
    ),
)
_REMOVE_MEMBER: Final = delete(care_team).where(
    care_team.c.client_id == bindparam("client"), care_team.c.account_id == bindparam("account")
)
_ADD_EXCEPTIONAL: Final = insert(exceptional_access)
_SET_EXCEPTIONAL: Final = update(exceptional_access).where(exceptional_access.c.id == bindparam("access"))
_ADD_CONSENT: Final = insert(consents)
_WITHDRAW: Final = (
    update(consents)
    .where(consents.c.client_id == bindparam("client"), consents.c.id == bindparam("consent"))
    .values(withdrawn=bindparam("gone", type_=Boolean))
)
_FORGET_NAMES: Final = delete(identity_lookup).where(identity_lookup.c.client_id == bindparam("client"))
_ADD_NAMES: Final = insert(identity_lookup)
_ADD_NOTES_FOLDER: Final = insert(notes_folders)
_SET_CUSTODIAN: Final = (
    update(notes_folders)
    .where(notes_folders.c.id == bindparam("folder"))
    .values(custodian_id=bindparam("custodian", type_=notes_folders.c.custodian_id.type))
)
_ADD_WEBHOOK: Final = insert(webhooks).from_select(
    [column.name for column in webhooks.c],
    select(
        bindparam("webhook", type_=webhooks.c.id.type),
        literal(WebhookStatus.ACTIVE.value),
        bindparam("created_us", type_=webhooks.c.created_at_us.type),
        bindparam("after", type_=webhooks.c.position.type),
        *[literal(0)] * 6,
        literal(""),
    ).where(~exists(select(webhooks.c.id).where(webhooks.c.id == bindparam("webhook")))),
)
"""Unless it is there: what it has come to is not in the events, and stays when the access tables are made anew."""
_SET_WEBHOOK: Final = update(webhooks).where(webhooks.c.id == bindparam("webhook"))
_REMOVE_WEBHOOK: Final = delete(webhooks).where(webhooks.c.id == bindparam("webhook"))
_REMOVE_DRAFT: Final = delete(drafts).where(
    drafts.c.id == bindparam("draft"),
    drafts.c.client_id == bindparam("client"),
    drafts.c.author_id == bindparam("author"),
)


class AccessWrites:
    """`writes_for` is called once for each event in its order, with the aggregate as it stands after all of them: rows of
    an account repeat its newest state, so repeating them does no harm.
    """

    def __init__(self, vault: AccessVault) -> None:
        self._vault = vault
        self._rules: dict[type[Any], Callable[[Any, Any], Sequence[StateWrite]]] = {
            Account.Created: self._account_created,
            Account.PasswordChanged: self._password_changed,
            Account.PasswordRehashed: self._account_sealed_anew,
            Account.SignInFailed: self._account_changed,
            Account.SignInSucceeded: self._account_changed,
            Account.Unlocked: self._account_changed,
            Account.SupervisionChanged: self._supervision_changed,
            Account.SecretAdded: self._account_changed,
            Account.SecretIssued: self._account_changed,
            Account.SecretShortened: self._account_changed,
            Account.SecretRevoked: self._secret_revoked,
            Account.SignInsEnded: self._sign_ins_ended_but_one,
            Account.SecondFactorOffered: self._account_changed,
            Account.SecondFactorConfirmed: self._sign_ins_ended_but_one,
            Account.SecondFactorUsed: self._account_changed,
            Account.RecoveryCodeUsed: self._account_changed,
            Account.RecoveryCodesRenewed: self._account_changed,
            Account.SecondFactorRemoved: self._sign_ins_ended_but_one,
            Account.IdentityLinked: self._identity_linked,
            Account.IdentityUnlinked: self._identity_unlinked,
            Account.Disabled: self._sign_ins_ended,
            Account.Enabled: self._account_changed,
            SignIn.Opened: self._sign_in_opened,
            SignIn.Begun: self._sign_in_begun,
            SignIn.Refreshed: self._sign_in_refreshed,
            SignIn.Revoked: self._sign_in_revoked,
            Client.Registered: self._client_registered,
            Client.CareTeamJoined: self._care_team_joined,
            Client.RepresentativeLetIn: self._representative_let_in,
            Client.CareTeamLeft: self._care_team_left,
            ExceptionalAccess.Opened: self._exceptional_opened,
            ExceptionalAccess.Ended: self._exceptional_ended,
            ExceptionalAccess.Reviewed: self._exceptional_reviewed,
            Client.ConsentGiven: self._consent_given,
            Client.ConsentWithdrawn: self._consent_withdrawn,
            Client.EnteredInError: self._client_entered_in_error,
            Identity.Recorded: self._identity,
            Identity.Corrected: self._identity,
            Session.Recorded: self._session_recorded,
            NotesFolder.Opened: self._notes_folder_opened,
            NotesFolder.CustodianNamed: self._custodian_named,
            Webhook.Registered: self._webhook_registered,
            Webhook.Paused: self._webhook_changed,
            Webhook.Resumed: self._webhook_changed,
            Webhook.Removed: self._webhook_removed,
            **of_erasures.RULES,
            **of_agreements.RULES,
        }

    def writes_for(self, event: Any, aggregate: Any) -> Sequence[StateWrite]:
        """Nothing for events that no permission decision reads. Raises KeysUnavailable."""
        rule = self._rules.get(type(event))
        return rule(event, aggregate) if rule else ()

    def _account_created(self, event: Account.Created, account: Account) -> Sequence[StateWrite]:
        row = {
            "id": event.originator_id,
            "login_mac": self._vault.login_mac(event.login),
            "role": event.role.value,
            "client_id": event.client_id,
            "supervisor_id": event.supervisor_id,
            "scopes": " ".join(event.scopes) or None,
            "created_at_us": microseconds(event.timestamp),
            "state": self._sealed(account),
            **_counters(account),
        }
        return (StateWrite(statement=_ADD_ACCOUNT, parameters=row),)

    def _account_changed(self, event: Account.Event, account: Account) -> Sequence[StateWrite]:
        return (_updated(_UPDATE_ACCOUNT, {"account": event.originator_id}, _counters(account)),)

    def _account_sealed_anew(self, event: Account.Event, account: Account) -> Sequence[StateWrite]:
        changes = {"state": self._sealed(account), **_counters(account)}
        return (_updated(_UPDATE_ACCOUNT, {"account": event.originator_id}, changes),)

    def _password_changed(self, event: Account.PasswordChanged, account: Account) -> Sequence[StateWrite]:
        kept = {"account": event.originator_id, "kept": event.kept_sign_in_id or ALL_REVOKED}
        return (*self._account_sealed_anew(event, account), StateWrite(statement=_REVOKE_ALL_BUT, parameters=kept))

    def _sign_ins_ended(
        self, event: Account.Disabled | Account.SecretRevoked, account: Account
    ) -> Sequence[StateWrite]:
        kept = {"account": event.originator_id, "kept": ALL_REVOKED}
        return (*self._account_changed(event, account), StateWrite(statement=_REVOKE_ALL_BUT, parameters=kept))

    def _secret_revoked(self, event: Account.SecretRevoked, account: Account) -> Sequence[StateWrite]:
        forgotten = StateWrite(statement=_FORGET_SECRET, parameters={"used_secret": event.secret_id})
        return (*self._sign_ins_ended(event, account), forgotten)

    def _sign_ins_ended_but_one(
        self,
        event: Account.SignInsEnded | Account.SecondFactorConfirmed | Account.SecondFactorRemoved,
        account: Account,
    ) -> Sequence[StateWrite]:
        kept = {"account": event.originator_id, "kept": event.kept_sign_in_id or ALL_REVOKED}
        return (*self._account_changed(event, account), StateWrite(statement=_REVOKE_ALL_BUT, parameters=kept))

    def _identity_linked(self, event: Account.IdentityLinked, account: Account) -> Sequence[StateWrite]:
        mac = self._vault.foreign_mac(event.issuer, event.subject)
        row = {"mac": mac, "account_id": event.originator_id, "link_id": event.link_id}
        return (*self._account_changed(event, account), StateWrite(statement=_LINK, parameters=row))

    def _identity_unlinked(self, event: Account.IdentityUnlinked, account: Account) -> Sequence[StateWrite]:
        row = {"account": event.originator_id, "link": event.link_id}
        return (*self._account_changed(event, account), StateWrite(statement=_UNLINK, parameters=row))

    @staticmethod
    def _supervision_changed(event: Account.SupervisionChanged, account: Account) -> Sequence[StateWrite]:
        changes = {"supervisor_id": event.supervisor_id, **_counters(account)}
        return (_updated(_UPDATE_ACCOUNT, {"account": event.originator_id}, changes),)

    def _sealed(self, account: Account) -> bytes:
        return self._vault.seal_account(
            account.id, AccountSecrets(account.login, account.display_name, account.password_hash)
        )

    def _sign_in_begun(self, event: SignIn.Begun, sign_in: SignIn) -> Sequence[StateWrite]:
        opened = self._sign_in_opened(event, sign_in)
        if event.secret_id is None:
            return opened
        use = {"used_secret": event.secret_id, "used_us": microseconds(event.timestamp)}
        return (
            *opened,
            _updated(_SECRET_USED, {"used_secret": event.secret_id}, {"used_at_us": use["used_us"]}),
            StateWrite(statement=_ADD_SECRET_USE, parameters={**use, "account": event.account_id}),
        )

    @staticmethod
    def _sign_in_opened(event: SignIn.Opened | SignIn.Begun, _: SignIn) -> Sequence[StateWrite]:
        row = {
            "id": event.originator_id,
            "account_id": event.account_id,
            "refresh_hash": event.refresh_hash,
            "refreshed_at_us": microseconds(event.timestamp),
            "expires_at_us": microseconds(event.expires_at),
            "revoked": False,
        }
        return (StateWrite(statement=_ADD_SIGN_IN, parameters=row),)

    @staticmethod
    def _sign_in_refreshed(event: SignIn.Refreshed, _: SignIn) -> Sequence[StateWrite]:
        changes = {"refresh_hash": event.refresh_hash, "refreshed_at_us": microseconds(event.timestamp)}
        return (_updated(_UPDATE_SIGN_IN, {"sign_in": event.originator_id}, changes),)

    @staticmethod
    def _sign_in_revoked(event: SignIn.Revoked, _: SignIn) -> Sequence[StateWrite]:
        return (_updated(_UPDATE_SIGN_IN, {"sign_in": event.originator_id}, {"revoked": True}),)

    @staticmethod
    def _client_registered(event: Client.Registered, _: Client) -> Sequence[StateWrite]:
        row = {
            "id": event.originator_id,
            "status": ClientStatus.ACTIVE.value,
            "registered_at_us": microseconds(event.timestamp),
        }
        return (StateWrite(statement=_ADD_CLIENT, parameters=row),)

    @staticmethod
    def _client_entered_in_error(event: Client.EnteredInError, _: Client) -> Sequence[StateWrite]:
        row = {"client": event.originator_id, "state": ClientStatus.ENTERED_IN_ERROR.value}
        return (StateWrite(statement=_SET_CLIENT, parameters=row),)

    def _care_team_joined(self, event: Client.CareTeamJoined, _: Client) -> Sequence[StateWrite]:
        return self._place(event, Relation(event.relation).value, 0)

    def _representative_let_in(self, event: Client.RepresentativeLetIn, _: Client) -> Sequence[StateWrite]:
        return self._place(event, Relation.REPRESENTATIVE.value, microseconds(event.until))

    def _place(
        self, event: Client.CareTeamJoined | Client.RepresentativeLetIn, relation: str, until_us: int
    ) -> Sequence[StateWrite]:
        client_id = event.originator_id
        proof = self._vault.member_mac(client_id, event.account_id, relation, until_us)
        member = {
            "client": client_id,
            "account": event.account_id,
            "how": relation,
            "proof": proof,
            "end_us": until_us,
        }
        added = {**member, "joined_us": microseconds(event.timestamp)}
        # Whose relation changes keeps the place in the list.
        return (
            StateWrite(statement=_SET_RELATION, parameters=member),
            StateWrite(statement=_ADD_MEMBER, parameters=added),
        )

    def _exceptional_opened(self, event: ExceptionalAccess.Opened, _: Any) -> Sequence[StateWrite]:
        way, until_us = AccessWay(event.way).value, microseconds(event.until)
        ids = (event.originator_id, event.client_id, event.account_id)
        row = {
            "id": event.originator_id,
            "client_id": event.client_id,
            "account_id": event.account_id,
            "way": way,
            "opened_by": event.opened_by,
            "opened_at_us": microseconds(event.timestamp),
            "until_us": until_us,
            "mac": self._vault.exceptional_mac(*ids, way, until_us),
            "review_due_us": microseconds(event.review_due_at),
            "verdict": "",
        }
        return (StateWrite(statement=_ADD_EXCEPTIONAL, parameters=row),)

    def _exceptional_ended(self, event: ExceptionalAccess.Ended, access: Any) -> Sequence[StateWrite]:
        until_us = microseconds(event.timestamp)
        ids = (event.originator_id, access.client_id, event.account_id)
        mac = self._vault.exceptional_mac(*ids, AccessWay.BREAK_GLASS.value, until_us)
        changes = {"until_us": until_us, "mac": mac}
        return (_updated(_SET_EXCEPTIONAL, {"access": event.originator_id}, changes),)

    @staticmethod
    def _exceptional_reviewed(event: ExceptionalAccess.Reviewed, _: Any) -> Sequence[StateWrite]:
        changes = {"verdict": Verdict(event.verdict).value}
        return (_updated(_SET_EXCEPTIONAL, {"access": event.originator_id}, changes),)

    @staticmethod
    def _care_team_left(event: Client.CareTeamLeft, _: Client) -> Sequence[StateWrite]:
        member = {"client": event.originator_id, "account": event.account_id}
        return (StateWrite(statement=_REMOVE_MEMBER, parameters=member),)

    @staticmethod
    def _consent_given(event: Client.ConsentGiven, _: Client) -> Sequence[StateWrite]:
        row = {
            "client_id": event.originator_id,
            "id": event.consent_id,
            "purpose": event.purpose.value,
            "given_at_us": microseconds(event.given_at),
            "withdrawn": False,
        }
        return (StateWrite(statement=_ADD_CONSENT, parameters=row),)

    @staticmethod
    def _consent_withdrawn(event: Client.ConsentWithdrawn, _: Client) -> Sequence[StateWrite]:
        row = {"client": event.originator_id, "consent": event.consent_id, "gone": True}
        return (StateWrite(statement=_WITHDRAW, parameters=row),)

    @staticmethod
    def _webhook_registered(event: Webhook.Registered, _: Any) -> Sequence[StateWrite]:
        row = {"webhook": event.originator_id, "created_us": microseconds(event.timestamp), "after": event.after}
        return (StateWrite(statement=_ADD_WEBHOOK, parameters=row),)

    @staticmethod
    def _webhook_changed(event: Webhook.Paused | Webhook.Resumed, _: Any) -> Sequence[StateWrite]:
        if isinstance(event, Webhook.Paused):
            return (_updated(_SET_WEBHOOK, {"webhook": event.originator_id}, {"status": WebhookStatus.PAUSED.value}),)
        changes = {"status": WebhookStatus.ACTIVE.value, "attempts": 0, "failing_since_us": 0, "due_at_us": 0}
        return (_updated(_SET_WEBHOOK, {"webhook": event.originator_id}, changes),)

    @staticmethod
    def _webhook_removed(event: Webhook.Removed, _: Any) -> Sequence[StateWrite]:
        return (StateWrite(statement=_REMOVE_WEBHOOK, parameters={"webhook": event.originator_id}),)

    def _identity(self, event: Identity.Recorded | Identity.Corrected, identity: Identity) -> Sequence[StateWrite]:
        client_id = identity.client_id
        forget = StateWrite(statement=_FORGET_NAMES, parameters={"client": client_id})
        rows = [{"client_id": client_id, "mac": mac} for mac in self._vault.identity_macs(event.content)]
        return (forget, StateWrite(statement=_ADD_NAMES, parameters=rows)) if rows else (forget,)

    @staticmethod
    def _notes_folder_opened(event: NotesFolder.Opened, _: Any) -> Sequence[StateWrite]:
        row = {
            "id": event.originator_id,
            "client_id": event.client_id,
            "author_id": event.author_id,
            "custodian_id": None,
        }
        return (StateWrite(statement=_ADD_NOTES_FOLDER, parameters=row),)

    @staticmethod
    def _custodian_named(event: NotesFolder.CustodianNamed, _: Any) -> Sequence[StateWrite]:
        row = {"folder": event.originator_id, "custodian": event.custodian_id}
        return (StateWrite(statement=_SET_CUSTODIAN, parameters=row),)

    @staticmethod
    def _session_recorded(event: Session.Recorded, _: Session) -> Sequence[StateWrite]:
        if event.draft_id is None:
            return ()
        row = {"draft": event.draft_id, "client": event.client_id, "author": event.author_id}
        return (StateWrite(statement=_REMOVE_DRAFT, parameters=row),)


def _counters(account: Account) -> dict[str, Any]:
    locked_until = account.locked_until
    return {
        "disabled": account.disabled,
        "failed_attempts": account.failed_attempts,
        "locked_until_us": microseconds(locked_until) if locked_until else 0,
        "version": account.version,
    }


def _updated(statement: Any, keys: dict[str, Any], changes: dict[str, Any]) -> StateWrite:
    """Values go in as parameters of the execution, so that the statement is compiled once."""
    return StateWrite(statement=statement, parameters={**keys, **changes})
