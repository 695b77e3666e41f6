"""How far webhooks have come: rows of the event database beside their events, moved on in the transaction of the audit
entries that say what left the house.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import BigInteger, Engine, bindparam, select, update

from adapters.access.tables import webhooks
from adapters.db.engines import write_transaction
from adapters.db.errors import translated
from adapters.event_store.journal import AuditedAppends
from adapters.event_store.mapper import Mapper
from adapters.event_store.reading import reading
from adapters.event_store.recorder import Recorder
from adapters.event_store.rows import Append, CommandRow, StateWrite
from domain.model.webhook import WebhookStatus
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from domain.ports.webhooks import Delivery, DeliveryOutcome

_ACTIVE: Final = webhooks.c.status == WebhookStatus.ACTIVE.value
_TAKE: Final = (
    update(webhooks)
    .where(
        webhooks.c.id == bindparam("webhook"),
        _ACTIVE,
        webhooks.c.due_at_us <= bindparam("now_us"),
        webhooks.c.leased_until_us <= bindparam("now_us"),
    )
    .values(leased_until_us=bindparam("until_us"))
    .returning(*webhooks.c)
)
# Who lost the lease changes nothing: somebody else goes on from where this one stood before.
_KEEP: Final = (
    update(webhooks)
    .where(webhooks.c.id == bindparam("webhook"), webhooks.c.leased_until_us == bindparam("lease_us"))
    .values(
        position=bindparam("new_position"),
        due_at_us=bindparam("new_due_us"),
        leased_until_us=bindparam("new_lease_us", type_=BigInteger),
        attempts=bindparam("new_attempts"),
        failing_since_us=bindparam("new_since_us"),
        delivered=bindparam("new_delivered"),
        failed=bindparam("new_failed"),
        outcome=bindparam("new_outcome"),
    )
)


class SqlDeliveryStore:
    """Satisfies domain.ports.webhooks.DeliveryStore."""

    def __init__(self, engine: Engine, recorder: Recorder, mapper: Mapper) -> None:
        self._engine = engine
        self._audited = AuditedAppends(recorder, mapper)

    def of(self, webhook_id: UUID) -> Delivery | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).one_or_none()
        return None if row is None else _delivery(row)

    def listed(self) -> Sequence[Delivery]:
        with reading(self._engine) as connection:
            rows = connection.execute(select(webhooks).order_by(webhooks.c.created_at_us, webhooks.c.id)).all()
        return tuple(_delivery(row) for row in rows)

    def due(self, now_us: int, last: int) -> Sequence[UUID]:
        waiting = select(webhooks.c.id).where(
            _ACTIVE,
            webhooks.c.due_at_us <= now_us,
            webhooks.c.leased_until_us <= now_us,
            webhooks.c.position != last,
        )
        with reading(self._engine) as connection:
            return tuple(connection.execute(waiting.order_by(webhooks.c.due_at_us)).scalars())

    def take(self, webhook_id: UUID, now_us: int, lease_s: int) -> Delivery | None:
        values = {"webhook": webhook_id, "now_us": now_us, "until_us": now_us + lease_s * 1_000_000}
        with translated("events"), write_transaction(self._engine) as connection:
            row = connection.execute(_TAKE, values).one_or_none()
        return None if row is None else _delivery(row)

    def keep(self, call: Call, entries: Sequence[AuditEntry], delivery: Delivery, *, release: bool) -> bool:
        values = {
            "webhook": delivery.webhook_id,
            "lease_us": delivery.leased_until_us,
            "new_lease_us": 0 if release else delivery.leased_until_us,
            "new_position": delivery.position,
            "new_due_us": delivery.due_at_us,
            "new_attempts": delivery.attempts,
            "new_since_us": delivery.failing_since_us,
            "new_delivered": delivery.delivered,
            "new_failed": delivery.failed,
            "new_outcome": delivery.outcome.value,
        }
        if not entries:
            with translated("events"), write_transaction(self._engine) as connection:
                connection.execute(_KEEP, values)
        else:
            write = StateWrite(statement=_KEEP, parameters=values)
            command = CommandRow(id=uuid4())
            self._audited.append(call, entries, lambda audit: Append(rows=audit, command=command, writes=(write,)))
        now = None if release else self.of(delivery.webhook_id)
        active = now is not None and now.status == WebhookStatus.ACTIVE.value
        return active and now is not None and now.leased_until_us == delivery.leased_until_us


def _delivery(row: Any) -> Delivery:
    return Delivery(
        webhook_id=row.id,
        status=row.status,
        created_at_us=row.created_at_us,
        position=row.position,
        due_at_us=row.due_at_us,
        leased_until_us=row.leased_until_us,
        attempts=row.attempts,
        failing_since_us=row.failing_since_us,
        delivered=row.delivered,
        failed=row.failed,
        outcome=DeliveryOutcome(row.outcome),
    )
