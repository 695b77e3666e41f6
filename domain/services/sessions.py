"""Session journal entries: the example that later clinical features follow. Authorize, load, command, save."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.errors import NotFound, StaleVersion
from domain.model.client import ClientEnteredInError
from domain.model.goal import Goal
from domain.model.session import Session, SessionContent, SessionNotFound, SessionStatus
from domain.ports.access import Relation, Standing
from domain.ports.audit import AuditEntry
from domain.ports.call import Call, Role
from domain.ports.keys import RecordClass
from domain.ports.ledger import DraftStore, Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.drafts import DraftNotFound
from domain.services.links import check_goals
from domain.services.versions import check_version

_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Loaded:
    session: Session
    standing: Standing


class SessionService:
    """A session names goals of its client only, and none that was entered in error: it would count for another person's
    progress, or for nobody's. What was named before is not looked at again when a session is amended.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        sessions: AggregateStore[Session],
        goals: AggregateStore[Goal],
        drafts: DraftStore,
    ) -> None:
        self._ledger = ledger
        self._access = access
        self._sessions = sessions
        self._goals = goals
        self._drafts = drafts

    def record(  # noqa: PLR0913 - one argument a fact of the entry
        self,
        call: Call,
        session_id: UUID,
        client_id: UUID,
        content: SessionContent,
        draft_id: UUID | None = None,
        *,
        substance_use: bool = False,
    ) -> Receipt:
        """Write down a session, unsigned; its draft goes in the same transaction. `substance_use` says for good that it is a
        record of substance-use treatment.

        Raises Denied, ClientNotFound, ClientEnteredInError, DraftNotFound, GoalNotFound, GoalEnteredInError, Invalid.
        """
        record_class = RecordClass.SUD if substance_use else RecordClass.JOURNAL
        standing = self._access.require(call, Action.SESSION_RECORD, record_class, client_id, (session_id,))
        if not standing.open:
            raise ClientEnteredInError(client_id=client_id)
        if draft_id is not None:
            self._check_draft(call, draft_id, client_id)
        check_goals(self._goals, client_id, content.goal_ids)
        session = Session.record(
            session_id,
            at=call.at,
            client_id=client_id,
            author_id=call.actor.id,
            supervisor_id=call.actor.supervisor_id,
            content=content,
            draft_id=draft_id,
            substance_use=substance_use,
        )
        return self._save(call, Action.SESSION_RECORD, session)

    def read(self, call: Call, session_id: UUID) -> Session:
        """Clients and their representatives see signed sessions only; others do not exist for them.

        Raises SessionNotFound, Denied, Erased.
        """
        loaded = self._load(call, Action.SESSION_READ, session_id)
        session = loaded.session
        if call.actor.role is Role.CLIENT and session.status is not SessionStatus.SIGNED:
            self._access.note_denial(
                call, Action.SESSION_READ, session.client_id, (session_id,), "not_released_to_client"
            )
            raise SessionNotFound
        self._ledger.note(call, _entry(Action.SESSION_READ, session))
        return session

    def amend(self, call: Call, session_id: UUID, content: SessionContent) -> Receipt:
        """Replace the content while unsigned. In a chart entered in error nothing is rewritten: mark the session so too.

        Raises SessionNotFound, Denied, StaleVersion, ClientEnteredInError, SessionAlreadySigned, AwaitingCosignature,
        SessionEnteredInError, GoalNotFound, GoalEnteredInError, Invalid.
        """
        session = self._for_change(call, Action.SESSION_AMEND, session_id).session
        self._access.require_open(session.client_id)
        added = set(content.goal_ids).difference(session.content.goal_ids)
        check_goals(self._goals, session.client_id, sorted(added))
        session.amend(at=call.at, by=call.actor.id, content=content)
        return self._save(call, Action.SESSION_AMEND, session)

    def sign(self, call: Call, session_id: UUID) -> Receipt:
        """Lock the entry; a trainee's then waits for the supervisor. What stands in a chart entered in error is signed
        as it stands: it was written, and somebody answers for it.

        Raises SessionNotFound, Denied, StaleVersion, SessionAlreadySigned, AwaitingCosignature, SessionEnteredInError.
        """
        session = self._for_change(call, Action.SESSION_SIGN, session_id).session
        session.sign(at=call.at, by=call.actor.id, supervisor_id=call.actor.supervisor_id)
        return self._save(call, Action.SESSION_SIGN, session)

    def cosign(self, call: Call, session_id: UUID) -> Receipt:
        """By the trainee's supervisor, or a supervisor in the client's care team who stands in.

        Raises SessionNotFound, Denied, StaleVersion, NotAwaitingCosignature, SessionEnteredInError.
        """
        loaded = self._for_change(call, Action.SESSION_COSIGN, session_id)
        session = loaded.session
        session.cosign(at=call.at, by=call.actor.id, standing_in=_stands_in(loaded.standing))
        return self._save(call, Action.SESSION_COSIGN, session)

    def return_to_author(self, call: Call, session_id: UUID, comment: str) -> Receipt:
        """Refuse to co-sign: the entry is open to its author again, with the comment. Raises as `cosign`, and Invalid."""
        loaded = self._for_change(call, Action.SESSION_RETURN, session_id)
        session = loaded.session
        session.return_to_author(at=call.at, by=call.actor.id, comment=comment, standing_in=_stands_in(loaded.standing))
        return self._save(call, Action.SESSION_RETURN, session)

    def add_addendum(self, call: Call, session_id: UUID, addendum_id: UUID, text: str) -> Receipt:
        """Whoever names no version is never too late: of two addenda at the same moment, one follows the other.

        Raises SessionNotFound, Denied, StaleVersion, ClientEnteredInError, SessionNotSigned, AwaitingCosignature,
        SessionEnteredInError, TooManyAddenda, Invalid.
        """
        for _ in range(_ATTEMPTS - 1 if call.expected_version is None else 0):
            with suppress(StaleVersion):
                return self._add_addendum(call, session_id, addendum_id, text)
        return self._add_addendum(call, session_id, addendum_id, text)

    def mark_entered_in_error(self, call: Call, session_id: UUID, reason: str) -> Receipt:
        """By its author, the primary clinician or a supervisor. Raises SessionNotFound, Denied, StaleVersion,
        SessionEnteredInError, Invalid.
        """
        session = self._for_change(call, Action.SESSION_MARK_ENTERED_IN_ERROR, session_id).session
        session.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._save(call, Action.SESSION_MARK_ENTERED_IN_ERROR, session)

    def _add_addendum(self, call: Call, session_id: UUID, addendum_id: UUID, text: str) -> Receipt:
        session = self._for_change(call, Action.SESSION_ADD_ADDENDUM, session_id).session
        self._access.require_open(session.client_id)
        session.add_addendum(at=call.at, by=call.actor.id, addendum_id=addendum_id, text=text)
        return self._save(call, Action.SESSION_ADD_ADDENDUM, session)

    def _load(self, call: Call, action: Action, session_id: UUID) -> _Loaded:
        self._access.require_role(call, action, (session_id,))
        session = self._sessions.get(session_id)
        standing = self._access.require(
            call,
            action,
            session.record_class,
            session.client_id,
            (session_id,),
            author_id=session.author_id,
            supervisor_id=session.supervisor_id,
            hidden=SessionNotFound,
        )
        return _Loaded(session=session, standing=standing)

    def _for_change(self, call: Call, action: Action, session_id: UUID) -> _Loaded:
        loaded = self._load(call, action, session_id)
        check_version(call, loaded.session)
        return loaded

    def _check_draft(self, call: Call, draft_id: UUID, client_id: UUID) -> None:
        try:
            draft = self._drafts.get(draft_id)
        except NotFound:
            raise DraftNotFound(draft_id=draft_id) from None
        if draft.author_id != call.actor.id or draft.client_id != client_id:
            raise DraftNotFound(draft_id=draft_id)

    def _save(self, call: Call, action: Action, session: Session) -> Receipt:
        return self._ledger.save(call, _entry(action, session), session)


def _entry(action: Action, session: Session) -> AuditEntry:
    return AuditEntry(action=action, client_id=session.client_id, resources=(session.id,))


def _stands_in(standing: Standing) -> bool:
    return standing.relation is Relation.SUPERVISOR
