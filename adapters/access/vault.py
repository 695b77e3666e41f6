"""What access tables hold sealed or keyed: who an account belongs to, and what people are looked up by."""

from dataclasses import dataclass, field
from uuid import UUID

import orjson

from adapters.event_store.envelope import length_prefixed
from domain.model.identity import IdentityContent, normalised_name
from domain.ports.keys import RecordClass, Sealer


@dataclass(frozen=True, slots=True)
class AccountSecrets:
    login: str = field(repr=False)
    display_name: str = field(repr=False)
    password_hash: str = field(repr=False)


class AccessVault:
    """Seals and opens the personal part of an account; makes the keyed hashes that exact look-ups compare."""

    def __init__(self, sealer: Sealer, deployment: UUID) -> None:
        self._sealer = sealer
        self._deployment = deployment

    def seal_account(self, account_id: UUID, secrets: AccountSecrets) -> bytes:
        """Raises KeysUnavailable."""
        plaintext = orjson.dumps([secrets.login, secrets.display_name, secrets.password_hash])
        key_id = self._sealer.key_id(None, RecordClass.ACCESS)
        return self._sealer.seal(key_id, plaintext, self._context(account_id))

    def open_account(self, account_id: UUID, sealed: bytes) -> AccountSecrets:
        """Raises SealBroken, KeyMissing, KeysUnavailable."""
        login, display_name, password_hash = orjson.loads(self._sealer.open(sealed, self._context(account_id)))
        return AccountSecrets(login, display_name, password_hash)

    def login_mac(self, login: str) -> bytes:
        """Of a normalised login."""
        return self._sealer.mac("login", login.encode())

    def foreign_mac(self, issuer: str, subject: str) -> bytes:
        """Of whom an OpenID provider vouches for."""
        return self._sealer.mac("foreign-identity", issuer.encode(), subject.encode())

    def member_mac(self, client_id: UUID, account_id: UUID, relation: str, until_us: int = 0) -> bytes:
        """Of a place in a care team, and its end where it has one. It says who was let in, not that they still are: rows
        can be put back.
        """
        end = (until_us.to_bytes(8),) if until_us else ()
        return self._sealer.mac("care-team", client_id.bytes, account_id.bytes, relation.encode(), *end)

    def exceptional_mac(self, access_id: UUID, client_id: UUID, account_id: UUID, way: str, until_us: int) -> bytes:
        """Of a way into a chart past its care team."""
        ids = (access_id.bytes, client_id.bytes, account_id.bytes)
        return self._sealer.mac("exceptional-access", *ids, way.encode(), until_us.to_bytes(8))

    def identity_mac(self, family_name: str, birth_date: str) -> bytes | None:
        """Of a surname, as normalised_name compares it, and an ISO birth date; None when either says nothing."""
        name = normalised_name(family_name)
        return self._sealer.mac("identity-lookup", name.encode(), birth_date.encode()) if name and birth_date else None

    def identity_macs(self, content: IdentityContent) -> list[bytes]:
        """One for each different name a person is or was known by."""
        found = (self.identity_mac(name.sought, content.birth_date) for name in content.names)
        return list(dict.fromkeys(mac for mac in found if mac is not None))

    def _context(self, account_id: UUID) -> bytes:
        return length_prefixed(b"anamnesis/account/1", self._deployment.bytes, account_id.bytes)
