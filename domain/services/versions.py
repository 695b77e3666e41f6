"""The check behind If-Match."""

from domain.errors import StaleVersion
from domain.ports.call import Call
from domain.ports.ledger import Recordable


def check_version(call: Call, aggregate: Recordable) -> None:
    """Raises StaleVersion when the caller read another version than there is now."""
    if call.expected_version is not None and call.expected_version != aggregate.version:
        raise StaleVersion(id=aggregate.id, version=aggregate.version)
