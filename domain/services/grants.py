"""Expiring grants: what a job may do for somebody who asked, after they have gone.

A grant lies sealed in the job's own row, so that who writes into the database can make none. When the job runs it acts as
the service on behalf of whoever asked, both stand in the audit, and whether they still may is decided anew, as they stand
then: a grant only ever narrows what its account may do.
"""

import json
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Self
from uuid import UUID

from domain.errors import Denied
from domain.ports.call import Call, Purpose
from domain.ports.keys import RecordClass
from domain.services.access import Access, Action

GRANT_LASTS: Final = timedelta(hours=24)
_MICROSECOND: Final = timedelta(microseconds=1)


class GrantExpired(Denied):
    code = "grant_expired"
    message = "What was asked for was not done in time, and may not be done any more."
    hint = "Ask for it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Who asked for what about whom, why, and until when (microseconds since 1970, UTC) it may be done."""

    account_id: UUID
    action: Action
    record_class: RecordClass
    client_id: UUID | None
    purpose: Purpose
    expires_at_us: int

    def as_text(self) -> str:
        """JSON, for the job's sealed row."""
        return json.dumps(
            {
                "account_id": str(self.account_id),
                "action": self.action.value,
                "record_class": self.record_class.value,
                "client_id": None if self.client_id is None else str(self.client_id),
                "purpose": self.purpose.value,
                "expires_at_us": self.expires_at_us,
            }
        )

    @classmethod
    def of_text(cls, text: str) -> Self:
        """Raises GrantExpired for what is no grant: then nothing was granted."""
        try:
            told = json.loads(text)
            return cls(
                account_id=UUID(told["account_id"]),
                action=Action(told["action"]),
                record_class=RecordClass(told["record_class"]),
                client_id=None if told["client_id"] is None else UUID(told["client_id"]),
                purpose=Purpose(told["purpose"]),
                expires_at_us=int(told["expires_at_us"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError):
            raise GrantExpired from None


class Grants:
    def __init__(self, access: Access, lasts: timedelta = GRANT_LASTS) -> None:
        self._access = access
        self._lasts = lasts

    def issue(self, call: Call, action: Action, record_class: RecordClass, client_id: UUID | None) -> Grant:
        """To the caller, who must be allowed to do it now. Raises Denied, ClientNotFound."""
        self._access.require(call, action, record_class, client_id)
        return Grant(
            account_id=call.on_behalf_of or call.actor.id,
            action=action,
            record_class=record_class,
            client_id=client_id,
            purpose=call.purpose,
            expires_at_us=call.at_us + self._lasts // _MICROSECOND,
        )

    def acting(self, call: Call, grant: Grant, *resources: UUID) -> Call:
        """The job's call on behalf of whoever asked. Raises GrantExpired, RequesterGone, and Denied where they may not do
        it any more: disabled, out of the care team, of another role.
        """
        acting = replace(call, on_behalf_of=grant.account_id, purpose=grant.purpose)
        if call.at_us >= grant.expires_at_us:
            self._access.note_denial(acting, grant.action, grant.client_id, resources, GrantExpired.code)
            raise GrantExpired
        self._access.require(acting, grant.action, grant.record_class, grant.client_id, resources)
        return acting
