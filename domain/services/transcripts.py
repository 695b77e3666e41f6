"""Transcripts: attached to a session, read by whoever may read the journal, replaced only when entered in error."""

from collections.abc import Sequence
from uuid import UUID

from domain.model.session import Session, SessionEnteredInError, SessionNotFound, SessionStatus
from domain.model.transcript import Transcript, TranscriptAlreadyAttached, TranscriptNotFound, Utterance
from domain.ports.call import Call, Role
from domain.ports.ledger import Ledger, Receipt
from domain.ports.stores import AggregateStore
from domain.services.access import Access, Action
from domain.services.care_records import CareRecords, keeper_of
from domain.services.versions import check_version


class TranscriptService:
    def __init__(
        self,
        *,
        ledger: Ledger,
        access: Access,
        sessions: AggregateStore[Session],
        transcripts: AggregateStore[Transcript],
    ) -> None:
        self._access = access
        self._sessions = sessions
        self._records = CareRecords(ledger=ledger, access=access, store=transcripts, not_found=TranscriptNotFound)

    def attach(self, call: Call, session_id: UUID, utterances: Sequence[Utterance], source: str = "") -> Receipt:
        """The session's first. Raises SessionNotFound, Denied, ClientEnteredInError, SessionEnteredInError,
        TranscriptAlreadyAttached, Invalid.
        """
        session = self._session_to_fill(call, session_id)
        if self._records.has(Transcript.stream_of(session_id)):
            raise TranscriptAlreadyAttached(session_id=session_id)
        transcript = Transcript.attach(
            session_id,
            at=call.at,
            client_id=session.client_id,
            by=call.actor.id,
            took_place=session.content.took_place,
            utterances=utterances,
            source=source,
            substance_use=session.substance_use,
        )
        return self._records.save(call, Action.TRANSCRIPT_ATTACH, transcript)

    def replace(self, call: Call, session_id: UUID, utterances: Sequence[Utterance], source: str = "") -> Receipt:
        """The right one, in the place of one entered in error. Raises as `attach`, and TranscriptNotFound, StaleVersion."""
        session = self._session_to_fill(call, session_id)
        transcript = self._of(session_id)
        check_version(call, transcript)
        transcript.replace(
            at=call.at,
            by=call.actor.id,
            took_place=session.content.took_place,
            utterances=utterances,
            source=source,
        )
        return self._records.save(call, Action.TRANSCRIPT_ATTACH, transcript)

    def read(self, call: Call, session_id: UUID) -> Transcript:
        """Clients and their representatives see those of signed sessions only; others do not exist for them. A trainee's
        supervisor reads them as the sessions.

        Raises SessionNotFound, TranscriptNotFound, Denied, Erased.
        """
        session = self._session(call, Action.TRANSCRIPT_READ, session_id, supervised=True)
        transcript = self._of(session_id)
        if call.actor.role is Role.CLIENT and session.status is not SessionStatus.SIGNED:
            self._records.withhold(call, Action.TRANSCRIPT_READ, transcript)
        return self._records.tell(call, Action.TRANSCRIPT_READ, transcript)

    def mark_entered_in_error(self, call: Call, session_id: UUID, reason: str) -> Receipt:
        """Of another session. Raises SessionNotFound, TranscriptNotFound, Denied, StaleVersion, TranscriptEnteredInError,
        Invalid.
        """
        action = Action.TRANSCRIPT_MARK_ENTERED_IN_ERROR
        self._session(call, action, session_id)
        transcript = self._of(session_id)
        check_version(call, transcript)
        transcript.mark_entered_in_error(at=call.at, by=call.actor.id, reason=reason)
        return self._records.save(call, action, transcript)

    def _session(self, call: Call, action: Action, session_id: UUID, *, supervised: bool = False) -> Session:
        self._access.require_role(call, action, (session_id,))
        session = self._sessions.get(session_id)
        self._access.require(
            call,
            action,
            session.record_class,
            session.client_id,
            (session_id,),
            author_id=keeper_of(call, session),
            supervisor_id=session.supervisor_id if supervised else None,
            hidden=SessionNotFound,
        )
        return session

    def _session_to_fill(self, call: Call, session_id: UUID) -> Session:
        session = self._session(call, Action.TRANSCRIPT_ATTACH, session_id)
        self._access.require_open(session.client_id)
        if session.status is SessionStatus.ENTERED_IN_ERROR:
            raise SessionEnteredInError(session_id=session_id)
        return session

    def _of(self, session_id: UUID) -> Transcript:
        try:
            return self._records.store.get(Transcript.stream_of(session_id))
        except TranscriptNotFound:
            raise TranscriptNotFound(session_id=session_id) from None
