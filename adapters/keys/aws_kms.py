"""A root key that AWS KMS holds and never hands out: each wrapping and unwrapping of a client key is a call to it.

Credentials, profile and endpoint are boto3's own business (its variables, files and instance roles). boto3 is imported when
such a root is made: who keeps roots in files needn't have it.
"""

import os
import re
from hashlib import sha256
from typing import Any, Final

from adapters.keys.errors import AwsMissing, KmsDown, KmsRefused, RootAddressWrong
from adapters.keys.wrapping import KEY_BYTES
from domain.errors import SealBroken

WRAP_FORMAT: Final = b"\x02"
"""Before what KMS gives: told apart from what a root in a file wraps."""
CONNECT_S: Final = 2.0
READ_S: Final = 5.0
ATTEMPTS: Final = 4
"""Calls made for one wrapping before it is given up; botocore waits between them, longer each time."""
_RETRY_AFTER_S: Final = 5.0
_ARN: Final = re.compile(r"arn:aws[a-z-]*:kms:(?P<region>[a-z0-9-]+):\d{12}:key/[A-Za-z0-9-]+")
_BROKEN: Final = frozenset(("InvalidCiphertextException", "IncorrectKeyException"))
_PASSING: Final = frozenset(
    (
        "DependencyTimeoutException",
        "InternalFailure",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    )
)


class AwsKmsRootKey:
    """Satisfies domain.ports.keys.RootKey. Safe for threads, and after a fork.

    The context goes along as its hash, in KMS's encryption context: the service authenticates it, and its own trail
    (CloudTrail) shows nothing but the hash.
    """

    def __init__(self, arn: str) -> None:
        """Raises RootAddressWrong, AwsMissing. Nothing is called yet."""
        match = _ARN.fullmatch(arn)
        if match is None:
            raise RootAddressWrong(
                "An AWS KMS root is named by the ARN of a key, not of an alias: arn:aws:kms:…:key/…."
            )
        _boto()
        self._arn = arn
        self._region = match["region"]
        self._generation = "awskms-" + sha256(arn.encode()).hexdigest()[:32]
        self._clients: dict[int, Any] = {}

    @property
    def generation(self) -> str:
        return self._generation

    def wrap(self, key: bytes, context: bytes) -> bytes:
        if len(key) != KEY_BYTES:
            raise ValueError(f"a key has {KEY_BYTES} bytes, not {len(key)}")
        answer = self._call("encrypt", Plaintext=key, EncryptionContext=_bound(context))
        return WRAP_FORMAT + bytes(answer["CiphertextBlob"])

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        if wrapped[:1] != WRAP_FORMAT or len(wrapped) == 1:
            raise SealBroken
        answer = self._call("decrypt", CiphertextBlob=wrapped[1:], EncryptionContext=_bound(context))
        key = bytes(answer["Plaintext"])
        # The service names the key it used: a blob of another key, or a plaintext that no `wrap` took, is not ours.
        if answer.get("KeyId") != self._arn or len(key) != KEY_BYTES:
            raise SealBroken
        return key

    def __repr__(self) -> str:
        return f"AwsKmsRootKey({self._generation})"

    def _call(self, name: str, **arguments: Any) -> Any:
        """Raises SealBroken, KmsDown, KmsRefused."""
        from botocore import exceptions as told  # noqa: PLC0415 - an optional library

        try:
            return getattr(self._client(), name)(KeyId=self._arn, **arguments)
        except told.ClientError as exc:
            raise self._told(str(exc.response.get("Error", {}).get("Code", ""))) from exc
        except (told.NoCredentialsError, told.PartialCredentialsError, told.ProfileNotFound) as exc:
            raise KmsRefused(reason=type(exc).__name__, generation=self._generation) from exc
        except told.BotoCoreError as exc:
            raise KmsDown(retry_after_s=_RETRY_AFTER_S, reason=type(exc).__name__) from exc

    def _told(self, code: str) -> SealBroken | KmsDown | KmsRefused:
        if code in _BROKEN:
            return SealBroken()
        if code in _PASSING:
            return KmsDown(retry_after_s=_RETRY_AFTER_S, reason=code)
        return KmsRefused(reason=code, generation=self._generation)

    def _client(self) -> Any:
        """One a process: a child of a fork must not talk on its parent's connections."""
        client = self._clients.get(os.getpid())
        if client is None:
            # Threads that meet here make one each and keep the last; a lock could be held by nobody after a fork.
            client = self._made()
            self._clients = {os.getpid(): client}
        return client

    def _made(self) -> Any:
        from botocore.config import Config  # noqa: PLC0415 - an optional library

        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        )
        return _boto().session.Session().client("kms", region_name=self._region, config=config)


def _bound(context: bytes) -> dict[str, str]:
    return {"anamnesis": sha256(context).hexdigest()}


def _boto() -> Any:
    try:
        import boto3  # noqa: PLC0415 - an optional library
    except ImportError as exc:
        raise AwsMissing from exc
    return boto3
