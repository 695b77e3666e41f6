"""One event of each stored kind, with values that never change; and the golden file's lines they were stored as.

`python -m tests.golden.samples` appends lines for kinds that have none yet under today's topics. It never changes a line:
a changed form needs a new schema version in `adapters/event_store/registry.py` and an upcaster, and the lines stay.
"""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from eventsourcing.utils import get_topic

from adapters.event_store.codec import Codec
from adapters.event_store.registry import REGISTRY
from domain.model.account import Account
from domain.model.appointment import Appointment, CancellationReason, CancelledBy, MissReason
from domain.model.audit import AuditEvent
from domain.model.client import Client
from domain.model.exceptional_access import ExceptionalAccess
from domain.model.goal import Goal, GoalContent, GoalMetric, Milestone
from domain.model.identity import Identity, IdentityContent
from domain.model.measure import CompletedBy, Measure
from domain.model.risk_flag import EscalationReason, FlagLevel, FlagSource, RiskFlag
from domain.model.session import Session, SessionContent
from domain.model.sign_in import SignIn, SignInMethod
from domain.model.values import (
    Address,
    Contact,
    ContactKind,
    EmergencyContact,
    Emotion,
    Modality,
    MomentInZone,
    NameUse,
    PersonName,
    Representative,
    RepresentativeAuthority,
    RiskImpression,
    RiskLevel,
    Valence,
)
from domain.model.webhook import PauseReason, Webhook, WebhookKind
from domain.ports.access import Relation
from domain.ports.call import Purpose, Role
from domain.ports.exceptional import AccessWay, Verdict
from tests.golden.care_samples import FIELDS as _CARE_FIELDS
from tests.golden.ending_samples import FIELDS as _ENDING_FIELDS

FOLDER = Path(__file__).parent
AT = datetime(2026, 3, 2, 9, 30, 15, 250_001, tzinfo=UTC)
STREAM = UUID("018f3a52-7c1d-7aaa-9f00-5d2b8d0c1a11")


def an_id(number: int) -> UUID:
    return UUID(int=0xA0000000000040008000000000000000 + number)


CONTENT = SessionContent(
    took_place=MomentInZone(datetime(2026, 2, 27, 14, 0, tzinfo=UTC), "Europe/Lisbon", 0),
    duration_min=50,
    modality=Modality.IN_PERSON,
    summary='Line one\nLine "two" — naïve, 東京, 👩‍⚕️, \\ and /',
    themes=("grief", "sleep"),
    emotions=(
        Emotion(name="sadness", intensity=7, valence=Valence.NEGATIVE),
        Emotion(name="relief", intensity=0, valence=Valence.POSITIVE),
    ),
    interventions=("behavioural activation",),
    goal_ids=(an_id(1), an_id(2)),
    homework="Walk each day.",
    risk=RiskImpression(level=RiskLevel.MODERATE, text="Passive ideation, no plan, safety plan reviewed."),
    next_plan="Review the week.",
)
BARE = SessionContent(
    took_place=MomentInZone(datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "Asia/Kathmandu", 20_700),
    duration_min=1,
    modality=Modality.TELEPHONE,
    summary="x",
)
WHO = IdentityContent(
    names=(
        PersonName(family="Öberg", given="Ana Lúcia"),
        PersonName(family="Silva", given="Ana", use=NameUse.MAIDEN),
    ),
    birth_date="1984-05-17",
    pronouns="she/her",
    contacts=(
        Contact(kind=ContactKind.PHONE, value="+351 21 000 0000", label="home", may_leave_message=True),
        Contact(kind=ContactKind.EMAIL, value="ana@example.org"),
    ),
    address=Address(lines=("Rua Nova 1", "2 Esq"), city="Lisboa", postal_code="1000-001", region="", country="PT"),
    emergency_contacts=(
        EmergencyContact(
            name=PersonName(given="Rui"),
            relationship="brother",
            contacts=(Contact(kind=ContactKind.OTHER, value="at the bakery"),),
        ),
    ),
    locale="pt-PT",
    zone="Europe/Lisbon",
    representative=Representative(
        name=PersonName(family="Costa", given="Marta"), authority=RepresentativeAuthority.GUARDIAN
    ),
)
START = MomentInZone(datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "America/Sao_Paulo", -10_800)

GOAL = GoalContent(
    statement="Take the train alone again — to Porto, e.g.",
    specific="Porto and back.",
    measurable="Journeys a month.",
    achievable="With a friend first.",
    relevant="His sister lives there.",
    metric=GoalMetric.MEASURE,
    instrument="gad-7",
    baseline=14.0,
    target=4.0,
    due_on=date(2026, 9, 30),
    milestones=(
        Milestone(id=an_id(20), text="One stop, with a friend.", due_on=date(2026, 4, 1)),
        Milestone(id=an_id(21), text="One stop, alone."),
    ),
    session_ids=(an_id(7),),
)
SHARED_GOAL = GoalContent(statement="x", metric=GoalMetric.MILESTONES, milestones=(Milestone(id=an_id(20), text="y"),))

_FIELDS = (
    {
        Client.Registered: {"registered_by": an_id(1)},
        Client.CareTeamJoined: {
            "account_id": an_id(2),
            "relation": Relation.PRIMARY_CLINICIAN,
            "joined_by": an_id(1),
        },
        Client.RepresentativeLetIn: {
            "account_id": an_id(2),
            "authority": RepresentativeAuthority.PARENT,
            "until": AT + timedelta(days=400),
            "let_in_by": an_id(1),
        },
        ExceptionalAccess.Opened: {
            "client_id": an_id(9),
            "account_id": an_id(2),
            "way": AccessWay.BREAK_GLASS,
            "opened_by": an_id(2),
            "reason": "Called the crisis line — can't be reached since.",
            "until": AT + timedelta(hours=1),
            "review_due_at": AT + timedelta(hours=72),
        },
        ExceptionalAccess.Ended: {"account_id": an_id(2), "ended_by": an_id(2)},
        ExceptionalAccess.Reviewed: {
            "reviewed_by": an_id(5),
            "verdict": Verdict.NEEDS_FOLLOW_UP,
            "remark": "Ask the crisis line.",
        },
        Client.CareTeamLeft: {"account_id": an_id(2), "removed_by": an_id(1)},
        Client.ConsentGiven: {
            "consent_id": an_id(3),
            "purpose": Purpose.RESEARCH,
            "document": "research-consent/2026-03",
            "given_at": AT - timedelta(days=2),
            "recorded_by": an_id(1),
        },
        Client.ConsentWithdrawn: {
            "consent_id": an_id(3),
            "purpose": Purpose.RESEARCH,
            "withdrawn_at": AT,
            "recorded_by": an_id(1),
        },
        Client.EnteredInError: {"marked_by": an_id(1), "reason": "Opened twice."},
        Identity.Recorded: {"client_id": an_id(9), "content": WHO, "recorded_by": an_id(1)},
        Identity.Corrected: {"content": IdentityContent(names=(PersonName(given="Ana"),)), "corrected_by": an_id(1)},
        Session.Recorded: {
            "substance_use": False,
            "client_id": an_id(9),
            "author_id": an_id(1),
            "supervisor_id": None,
            "content": CONTENT,
            "draft_id": an_id(4),
        },
        Session.Amended: {"content": BARE},
        Session.Signed: {"signed_by": an_id(1), "supervisor_id": an_id(5)},
        Session.Cosigned: {"cosigned_by": an_id(5)},
        Session.Returned: {"returned_by": an_id(5), "comment": "Say more about risk."},
        Session.AddendumAdded: {"addendum_id": an_id(6), "author_id": an_id(1), "text": "The client called later."},
        Session.EnteredInError: {"marked_by": an_id(1), "reason": "Wrong chart."},
        Appointment.Planned: {
            "client_id": an_id(9),
            "clinician_id": an_id(1),
            "start": START,
            "duration_min": 50,
            "modality": Modality.VIDEO,
            "planned_by": an_id(2),
        },
        Appointment.Rescheduled: {
            "start": START,
            "duration_min": 25,
            "modality": Modality.HOME_VISIT,
            "rescheduled_by": an_id(2),
        },
        Appointment.Held: {"session_id": an_id(7), "recorded_by": an_id(2)},
        Appointment.SessionLinked: {"session_id": an_id(7), "linked_by": an_id(1)},
        Appointment.Cancelled: {
            "cancelled_by": CancelledBy.CLIENT,
            "reason": CancellationReason.ILLNESS,
            "notice_s": -90,
            "recorded_by": an_id(2),
        },
        Appointment.Missed: {"reason": MissReason.CLIENT_NO_SHOW, "recorded_by": an_id(2)},
        Appointment.EnteredInError: {"marked_by": an_id(2), "reason": "Wrong chart."},
        Goal.Set: {"substance_use": False, "client_id": an_id(9), "set_by": an_id(1), "content": GOAL},
        Goal.Revised: {"revised_by": an_id(2), "content": SHARED_GOAL},
        Goal.ProgressRecorded: {
            "recorded_by": an_id(1),
            "value": 62.5,
            "took_place": START,
            "session_id": an_id(7),
        },
        Goal.MilestoneReached: {"recorded_by": an_id(1), "milestone_id": an_id(20), "reached_on": date(2026, 3, 1)},
        Goal.Completed: {"completed_by": an_id(1), "completed_on": date(2026, 3, 2)},
        Goal.Abandoned: {"abandoned_by": an_id(1), "abandoned_on": date(2026, 3, 2), "reason": "He moved to Porto."},
        Goal.Reopened: {"reopened_by": an_id(2)},
        Goal.EnteredInError: {"marked_by": an_id(1), "reason": "Wrong chart."},
        Measure.Recorded: {
            "substance_use": False,
            "client_id": an_id(9),
            "instrument": "phq-9",
            "instrument_version": "1",
            "taken_at": START,
            "answers": (2, 1, None, 1, 0, 2, 1, 0, 1),
            "completed_by": CompletedBy.CLIENT,
            "recorded_by": an_id(1),
            "session_id": an_id(7),
            "score": 9.0,
            "severity": "mild",
            "prorated": True,
            "flag_id": an_id(22),
        },
        Measure.EnteredInError: {"marked_by": an_id(1), "reason": "Wrong chart."},
        RiskFlag.Raised: {
            "client_id": an_id(9),
            "level": FlagLevel.MODERATE,
            "source": FlagSource.ITEM,
            "reason": "phq-9, item 9, answer 1.",
            "raised_by": None,
            "measure_id": an_id(23),
            "session_id": an_id(7),
            "due_at": AT + timedelta(hours=72),
        },
        RiskFlag.Acknowledged: {"acknowledged_by": an_id(1), "note": "Called him at once."},
        RiskFlag.Escalated: {
            "escalated_by": None,
            "escalated_to": an_id(5),
            "reason": EscalationReason.OVERDUE,
            "due_at": AT + timedelta(hours=1),
        },
        RiskFlag.Resolved: {"resolved_by": an_id(5), "outcome": "Safety plan reviewed; seen again on Friday."},
        RiskFlag.MeasureWithdrawn: {"withdrawn_by": an_id(1)},
        RiskFlag.EnteredInError: {"marked_by": an_id(5), "reason": "Raised twice."},
        Account.Created: {
            "login": "ana@clinic.example",
            "display_name": "Ana Öberg",
            "role": Role.CLINICIAN,
            "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
            "client_id": None,
            "supervisor_id": an_id(5),
            "created_by": an_id(8),
            "scopes": (),
        },
        Account.SecretAdded: {"secret_id": an_id(12), "digest": bytes(range(100, 132)), "added_by": an_id(8)},
        Account.SecretRevoked: {"secret_id": an_id(12), "revoked_by": an_id(8)},
        Account.PasswordChanged: {
            "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$bmV3",
            "changed_by": an_id(1),
            "kept_sign_in_id": an_id(10),
        },
        Account.PasswordRehashed: {"password_hash": "$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$bmV3"},
        Account.SignInFailed: {"locked_until": AT + timedelta(minutes=15)},
        Account.SignInSucceeded: {},
        Account.Unlocked: {"unlocked_by": an_id(8)},
        Account.SupervisionChanged: {"supervisor_id": an_id(11), "changed_by": an_id(8)},
        Account.Disabled: {"disabled_by": an_id(8)},
        Account.Enabled: {"enabled_by": an_id(8)},
        Account.SecretIssued: {
            "secret_id": an_id(12),
            "digest": bytes(range(100, 132)),
            "expires_at": AT + timedelta(days=365),
            "added_by": an_id(8),
        },
        Account.SecretShortened: {
            "secret_id": an_id(12),
            "expires_at": AT + timedelta(days=1),
            "shortened_by": an_id(8),
        },
        Account.SignInsEnded: {"ended_by": an_id(8), "kept_sign_in_id": an_id(14)},
        Account.SecondFactorOffered: {"secret": bytes(range(20))},
        Account.SecondFactorConfirmed: {
            "step": 59_000_000,
            "recovery_digests": (bytes(range(32)), bytes(range(32, 64))),
            "kept_sign_in_id": None,
        },
        Account.SecondFactorUsed: {"step": 59_000_001},
        Account.RecoveryCodeUsed: {"digest": bytes(range(32))},
        Account.RecoveryCodesRenewed: {"recovery_digests": (bytes(range(64, 96)),)},
        Account.SecondFactorRemoved: {"removed_by": an_id(8), "kept_sign_in_id": an_id(14)},
        Account.IdentityLinked: {
            "link_id": an_id(15),
            "issuer": "https://id.practice.example",
            "subject": "24400320",
            "linked_by": an_id(8),
        },
        Account.IdentityUnlinked: {"link_id": an_id(15), "unlinked_by": an_id(8)},
        SignIn.Begun: {
            "account_id": an_id(10),
            "refresh_hash": bytes(range(32)),
            "expires_at": AT + timedelta(hours=12),
            "method": SignInMethod.PASSWORD_AND_CODE,
            "origin": "192.0.2.0/24",
            "secret_id": None,
        },
        SignIn.Opened: {
            "account_id": an_id(1),
            "refresh_hash": bytes(range(32)),
            "expires_at": AT + timedelta(hours=12),
        },
        SignIn.Refreshed: {"refresh_hash": bytes(range(200, 232))},
        SignIn.Revoked: {"reason": "signed_out"},
        Webhook.Registered: {
            "url": "https://platform.example/hooks?of=anamnesis",
            "kinds": (WebhookKind.IDENTITY, WebhookKind.RECORD),
            "secret": bytes(range(32)),
            "after": 4711,
            "registered_by": an_id(8),
        },
        Webhook.SecretRotated: {
            "secret": bytes(range(32, 64)),
            "old_until": AT + timedelta(hours=24),
            "rotated_by": an_id(8),
        },
        Webhook.Paused: {"reason": PauseReason.FAILING, "paused_by": an_id(13)},
        Webhook.Resumed: {"resumed_by": an_id(8)},
        Webhook.Removed: {"removed_by": an_id(8)},
        AuditEvent: {
            "action": "session.read",
            "actor_id": an_id(1),
            "actor_role": "clinician",
            "client_id": an_id(9),
            "resources": (an_id(7), an_id(6)),
            "outcome": "denied",
            "reason": "outside_care_team",
            "purpose": "treatment",
            "origin": "192.0.2.7",
            "on_behalf_of": None,
            "clients": (),
        },
    }
    | _CARE_FIELDS
    | _ENDING_FIELDS
)


def sample(event_class, version=3):
    """The event of this class. KeyError tells that a new class needs a sample here."""
    begins = REGISTRY.of_class(event_class).aggregate
    return event_class(
        originator_id=STREAM,
        originator_version=version,
        timestamp=AT,
        **({"originator_topic": get_topic(begins)} if begins else {}),
        **_FIELDS[event_class],
    )


def golden(topic: str) -> dict[str, bytes]:
    """The stored plaintexts of a topic by precise kind."""
    path = FOLDER / f"{topic}.jsonl"
    lines = path.read_bytes().splitlines() if path.exists() else []
    return {orjson.loads(line)["kind"]: line for line in lines}


def main() -> None:
    codec = Codec()
    for event_type in REGISTRY:
        topic = REGISTRY.topic_of(event_type.coarse)
        if event_type.kind not in golden(topic):
            with (FOLDER / f"{topic}.jsonl").open("ab") as file:
                file.write(codec.encode(sample(event_type.event_class)) + b"\n")
            sys.stdout.write(f"{topic}: {event_type.kind}\n")


if __name__ == "__main__":
    main()
