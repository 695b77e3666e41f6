"""The API as `anamnesis serve` runs it, but for one thing: entries of reads are dropped. To measure what they cost, and for
nothing else: no setting turns them off.

`python -m ops.bench.unnoted`, with settings from the environment.
"""

from typing import Final

from adapters.event_store.ledger import EventLedger
from domain.ports.audit import AuditEntry
from domain.ports.call import Call
from ops.logging import configure
from ops.serving import serve
from ops.settings import Settings

MODULE: Final = "ops.bench.unnoted"


def _drop(_ledger: EventLedger, _call: Call, *_entries: AuditEntry) -> int:
    return 0


def main() -> None:
    """Until SIGTERM."""
    setattr(EventLedger, "note", _drop)  # noqa: B010 - what is measured is the product without this method
    settings = Settings.load()
    configure(settings.log_level, process="serve")
    serve(settings)


if __name__ == "__main__":
    main()
