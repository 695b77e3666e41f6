"""Tables of the key database, apart from the events so that no one copy holds both."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, Uuid

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

roots = Table(
    "roots",
    metadata,
    Column("generation", String(64), primary_key=True),
    Column("purpose", String(16), nullable=False),  # main or notes
    # A known value wrapped by the root: tells a wrong root key from a damaged row.
    Column("check_value", LargeBinary, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    # Said by the operator: nobody holds it any more, and nothing that it wrapped can be opened.
    Column("destroyed_at_us", BigInteger),
    # The generation that took over: from then on nothing new is wrapped by this one.
    Column("succeeded_by", String(64)),
    # When the last key that hung from it was wrapped by its successor.
    Column("retired_at_us", BigInteger),
)

keys = Table(
    "keys",
    metadata,
    Column("id", Uuid(as_uuid=True), primary_key=True),
    # The client, or the nil UUID for keys of the organisation.
    Column("owner", Uuid(as_uuid=True), nullable=False),
    # A RecordClass, or "client" / "client-notes" for the key that wraps a client's data keys.
    Column("class", String(32), nullable=False, key="key_class"),
    Column("epoch", Integer, nullable=False),
    # A key id in hexadecimal, or the generation of a root.
    Column("wrapped_by", String(64), nullable=False),
    # NULL once destroyed.
    Column("wrapped", LargeBinary),
    # Messages that processes have reserved; never beyond 2**28.
    Column("reserved", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("destroyed_at_us", BigInteger),
    UniqueConstraint("owner", "key_class", "epoch"),
)
Index("ix_keys_wrapped_by", keys.c.wrapped_by)
