"""Who is signed in where: one's own sign-ins and those of others, seen and ended. An ended one is refused at its next request."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.errors import StaleVersion
from domain.model.account import Account
from domain.model.sign_in import SignIn, SignInMethod, SignInNotFound
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.keys import RecordClass
from domain.ports.ledger import Receipt
from domain.services.access import Access, Action
from domain.services.door import ATTEMPTS, Door
from domain.services.drafts import microseconds

LIST_MOST: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSignIn:
    """`last_used_at` is when its tokens were last exchanged: five minutes before its last request at most. `origin` is the
    network it was opened from.
    """

    id: UUID
    opened_at: datetime
    last_used_at: datetime
    expires_at: datetime
    method: SignInMethod
    origin: str
    current: bool


class StayService:
    def __init__(self, *, door: Door, access: Access) -> None:
        self._door = door
        self._ledger = door.ledger
        self._access = access

    def browse_own(self, call: Call) -> Sequence[OpenSignIn]:
        """The last used first, LIST_MOST at most. Raises Denied."""
        return self._browse(call, Action.SIGN_IN_LIST_OWN, call.actor.id)

    def browse(self, call: Call, account_id: UUID) -> Sequence[OpenSignIn]:
        """Anybody's, for operators. Raises Denied, AccountNotFound."""
        return self._browse(call, Action.SIGN_IN_LIST, account_id)

    def end_own(self, call: Call, sign_in_id: UUID) -> Receipt:
        """Raises Denied, SignInNotFound also for somebody else's."""
        return self._end(call, Action.SIGN_IN_REVOKE_OWN, call.actor.id, sign_in_id, "ended_by_owner")

    def end(self, call: Call, account_id: UUID, sign_in_id: UUID) -> Receipt:
        """Raises Denied, SignInNotFound also for one of another account."""
        return self._end(call, Action.SIGN_IN_REVOKE, account_id, sign_in_id, "ended_by_operator")

    def end_own_others(self, call: Call) -> Receipt:
        """All but the one that asks. Raises Denied."""
        action = Action.SIGN_IN_REVOKE_OWN
        self._access.require(call, action, RecordClass.ACCESS, resources=(call.actor.id,))
        return self._end_all(call, action, call.actor.id, call.actor.sign_in_id)

    def end_all(self, call: Call, account_id: UUID) -> Receipt:
        """Raises Denied, AccountNotFound."""
        self._access.require(call, Action.SIGN_IN_REVOKE, RecordClass.ACCESS, resources=(account_id,))
        return self._end_all(call, Action.SIGN_IN_REVOKE, account_id, None)

    def _browse(self, call: Call, action: Action, account_id: UUID) -> Sequence[OpenSignIn]:
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id,))
        account = self._door.accounts.get(account_id)
        found = self._door.state.open_sign_ins(account_id, microseconds(call.at), LIST_MOST)
        loaded = [self._door.sign_ins.get(sign_in_id) for sign_in_id in found]
        shown = [_shown(each, call.actor.sign_in_id) for each in loaded if self._stands(call, account, each)]
        self._ledger.note(
            call, AuditEntry(action=action, resources=(account_id, *[one.id for one in shown if not one.current]))
        )
        return shown

    def _stands(self, call: Call, account: Account, sign_in: SignIn) -> bool:
        """Whether its tokens are still good: those left alone too long end without an event."""
        idle = timedelta(seconds=self._door.policy.idle_s(account.role))
        return not sign_in.revoked and call.at - sign_in.refreshed_at < idle

    def _end(self, call: Call, action: Action, account_id: UUID, sign_in_id: UUID, reason: str) -> Receipt:
        self._access.require(call, action, RecordClass.ACCESS, resources=(account_id, sign_in_id))
        if self._door.sign_ins.get(sign_in_id).account_id != account_id:
            raise SignInNotFound(sign_in_id=sign_in_id)
        entry = AuditEntry(action=action, resources=(account_id, sign_in_id))
        return self._door.revoke(call, sign_in_id, entry, reason)

    def _end_all(self, call: Call, action: Action, account_id: UUID, kept: UUID | None) -> Receipt:
        """Whatever else happens to the account at the same moment."""
        for _ in range(ATTEMPTS - 1):
            with suppress(StaleVersion):
                return self._end_all_once(call, action, account_id, kept)
        return self._end_all_once(call, action, account_id, kept)

    def _end_all_once(self, call: Call, action: Action, account_id: UUID, kept: UUID | None) -> Receipt:
        account = self._door.accounts.get(account_id)
        account.end_all_sign_ins(at=call.at, by=call.actor.id, kept_sign_in_id=kept)
        return self._ledger.save(call, AuditEntry(action=action, resources=(account_id,)), account)


def _shown(sign_in: SignIn, current: UUID | None) -> OpenSignIn:
    return OpenSignIn(
        id=sign_in.id,
        opened_at=sign_in.created_on,
        last_used_at=sign_in.refreshed_at,
        expires_at=sign_in.expires_at,
        method=sign_in.method,
        origin=sign_in.origin,
        current=sign_in.id == current,
    )
