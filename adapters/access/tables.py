"""Access state and drafts: tables of the event database, written in the transaction of the events they follow from.

What a permission decision reads is here and never lags. Names, logins and password hashes are sealed; what is in clear
is opaque ids, codes, counters, times and keyed hashes. All but `drafts`, `reports` and how far `webhooks` have come can be
rebuilt from the events alone.
"""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, String, Table, Uuid

from adapters.event_store.tables import metadata


def _id(name: str, **kwargs: Any) -> Column[Any]:
    return Column(name, Uuid(as_uuid=True), **kwargs)


accounts = Table(
    "accounts",
    metadata,
    _id("id", primary_key=True),
    # HMAC of the normalised login: exact look-up without a readable address.
    Column("login_mac", LargeBinary(32), nullable=False, unique=True),
    Column("role", String(32), nullable=False),
    _id("client_id"),
    _id("supervisor_id"),
    Column("disabled", Boolean, nullable=False),
    Column("failed_attempts", Integer, nullable=False),
    Column("locked_until_us", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    # Login, display name and password hash, sealed under class `access`.
    Column("state", LargeBinary, nullable=False),
    # Of service accounts, separated by spaces; NULL for everybody else.
    Column("scopes", String(500)),
)

Index("ix_accounts_created_at_us", accounts.c.created_at_us, accounts.c.id)
# Staff among the many accounts of clients.
Index("ix_accounts_role", accounts.c.role, accounts.c.created_at_us, accounts.c.id)
Index("ix_accounts_client_id", accounts.c.client_id)

sign_ins = Table(
    "sign_ins",
    metadata,
    _id("id", primary_key=True),
    _id("account_id", nullable=False),
    # SHA-256 of the current refresh token, which is 256 random bits: nothing to guess.
    Column("refresh_hash", LargeBinary(32), nullable=False),
    Column("refreshed_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("revoked", Boolean, nullable=False),
)
Index("ix_sign_ins_account_id", sign_ins.c.account_id)
Index("ix_sign_ins_expires_at_us", sign_ins.c.expires_at_us)

linked_identities = Table(
    "linked_identities",
    metadata,
    # HMAC of issuer and subject: whom a provider vouches for is found by it, and read nowhere.
    Column("mac", LargeBinary(32), primary_key=True),
    _id("account_id", nullable=False),
    _id("link_id", nullable=False),
)
Index("ix_linked_identities_account_id", linked_identities.c.account_id, linked_identities.c.link_id)

secret_uses = Table(
    "secret_uses",
    metadata,
    _id("secret_id", primary_key=True),
    _id("account_id", nullable=False),
    Column("used_at_us", BigInteger, nullable=False),
)
Index("ix_secret_uses_account_id", secret_uses.c.account_id)

clients = Table(
    "clients",
    metadata,
    _id("id", primary_key=True),
    Column("status", String(32), nullable=False),  # active or entered_in_error
    Column("registered_at_us", BigInteger, nullable=False),
)

care_team = Table(
    "care_team",
    metadata,
    _id("client_id", primary_key=True),
    _id("account_id", primary_key=True),
    Column("relation", String(32), nullable=False),
    Column("joined_at_us", BigInteger, nullable=False),
    # HMAC of client, account, relation and end: to write into this table is not enough to be let into a chart.
    Column("mac", LargeBinary(32), nullable=False),
    # 0 for a place without an end; what ends counts no more from then on, the row stays.
    Column("until_us", BigInteger, nullable=False, server_default="0"),
)
Index("ix_care_team_account_id", care_team.c.account_id, care_team.c.joined_at_us, care_team.c.client_id)

exceptional_access = Table(
    "exceptional_access",
    metadata,
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    _id("account_id", nullable=False),
    Column("way", String(32), nullable=False),
    _id("opened_by", nullable=False),
    Column("opened_at_us", BigInteger, nullable=False),
    # What a broken glass gives counts no more from then on.
    Column("until_us", BigInteger, nullable=False),
    # HMAC of id, client, account, way and end.
    Column("mac", LargeBinary(32), nullable=False),
    Column("review_due_us", BigInteger, nullable=False),
    # Empty until somebody looked at it.
    Column("verdict", String(32), nullable=False),
)
Index(
    "ix_exceptional_access_client_id",
    exceptional_access.c.client_id,
    exceptional_access.c.account_id,
    exceptional_access.c.until_us,
)
Index("ix_exceptional_access_account_id", exceptional_access.c.account_id, exceptional_access.c.opened_at_us)
Index("ix_exceptional_access_opened_at_us", exceptional_access.c.opened_at_us, exceptional_access.c.id)

consents = Table(
    "consents",
    metadata,
    # Ids of consents are unique within their client only.
    _id("client_id", primary_key=True),
    _id("id", primary_key=True),
    Column("purpose", String(32), nullable=False),
    Column("given_at_us", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
)
Index("ix_consents_client_id_purpose", consents.c.client_id, consents.c.purpose, consents.c.withdrawn)

identity_lookup = Table(
    "identity_lookup",
    metadata,
    _id("client_id", primary_key=True),
    # HMAC of normalised surname and birth date. Equal persons have equal values: documented, and gone on erasure.
    Column("mac", LargeBinary(32), primary_key=True),
)
Index("ix_identity_lookup_mac", identity_lookup.c.mac, identity_lookup.c.client_id)

notes_folders = Table(
    "notes_folders",
    metadata,
    # Who keeps whose psychotherapy notes. It leads to the folders, whose sealed events decide who reads.
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    _id("author_id", nullable=False),
    _id("custodian_id"),
)
Index("ix_notes_folders_client_id", notes_folders.c.client_id)
Index("ix_notes_folders_author_id", notes_folders.c.author_id, notes_folders.c.client_id)
Index("ix_notes_folders_custodian_id", notes_folders.c.custodian_id, notes_folders.c.client_id)

drafts = Table(
    "drafts",
    metadata,
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    _id("author_id", nullable=False),
    Column("saved_at_us", BigInteger, nullable=False),
    # Sealed under class `journal` of the client, bound to this row.
    Column("state", LargeBinary, nullable=False),
)
Index("ix_drafts_client_id", drafts.c.client_id)
Index("ix_drafts_author_id", drafts.c.author_id, drafts.c.saved_at_us)
Index("ix_drafts_saved_at_us", drafts.c.saved_at_us)

webhooks = Table(
    "webhooks",
    metadata,
    # Where it goes and with which secrets is in its events; here is how far it has come, which no event tells.
    _id("id", primary_key=True),
    Column("status", String(32), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    # Everything up to here was delivered, or was nothing to tell.
    Column("position", BigInteger, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    Column("leased_until_us", BigInteger, nullable=False),
    # Failures in a row, and since when; 0 while it is well.
    Column("attempts", Integer, nullable=False),
    Column("failing_since_us", BigInteger, nullable=False),
    # Attempts since it was registered, for metrics, and a code of how the last one ended.
    Column("delivered", BigInteger, nullable=False),
    Column("failed", BigInteger, nullable=False),
    Column("outcome", String(32), nullable=False),
)

reports = Table(
    "reports",
    metadata,
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    _id("requested_by", nullable=False),
    Column("role", String(32), nullable=False),
    Column("state", String(16), nullable=False),
    Column("media_type", String(64), nullable=False),
    Column("requested_at_us", BigInteger, nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("finished_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("leased_until_us", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("failure", String(64), nullable=False),
    # What was asked for and what came of it, sealed under class `view` of the client, bound to this row.
    Column("parameters", LargeBinary, nullable=False),
    Column("result", LargeBinary),
)
Index("ix_reports_client_id", reports.c.client_id)
Index("ix_reports_requested_by", reports.c.requested_by, reports.c.requested_at_us)
Index("ix_reports_state", reports.c.state, reports.c.leased_until_us)
Index("ix_reports_expires_at_us", reports.c.expires_at_us)

agreements = Table(
    "agreements",
    metadata,
    # It leads to the agreements, whose sealed events say what may be sent.
    _id("id", primary_key=True),
    Column("recorded_at_us", BigInteger, nullable=False),
)

legal_holds = Table(
    "legal_holds",
    metadata,
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    Column("placed_at_us", BigInteger, nullable=False),
    Column("lifted", Boolean, nullable=False),
)
Index("ix_legal_holds_client_id", legal_holds.c.client_id, legal_holds.c.lifted)

erasures = Table(
    "erasures",
    metadata,
    _id("id", primary_key=True),
    _id("client_id", nullable=False),
    # Record classes to go, separated by spaces; empty for the whole record.
    Column("classes", String(200), nullable=False),
    Column("state", String(16), nullable=False),
    Column("requested_at_us", BigInteger, nullable=False),
    Column("due_at_us", BigInteger, nullable=False),
    # Which fence this is among all, given out under the lock of the log; 0 before it stands. Processes acknowledge up to one.
    Column("number", BigInteger, nullable=False),
    # Positions of the events of the client's own accounts, eight bytes each, big-endian: found before their rows go.
    Column("redacted", LargeBinary, nullable=False),
)
Index("ix_erasures_client_id", erasures.c.client_id)
Index("ix_erasures_state", erasures.c.state, erasures.c.due_at_us)
Index("ix_erasures_number", erasures.c.number)

process_leases = Table(
    "process_leases",
    metadata,
    # One row a running process that holds keys; an erasure waits for each, or until its lease is over.
    _id("id", primary_key=True),
    Column("part", String(16), nullable=False),
    Column("host", String(64), nullable=False),
    Column("started_at_us", BigInteger, nullable=False),
    Column("renewed_at_us", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    Column("acknowledged", BigInteger, nullable=False),
)
