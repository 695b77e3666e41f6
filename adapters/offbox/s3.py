"""A bucket as the place off the box. Give it object lock or versioning: then not even the bucket's keys take things back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, Final

from adapters.offbox.names import checked_name, checked_prefix
from domain.errors import Misconfigured
from domain.ports.offbox import OffBoxConflict, OffBoxUnavailable

_ATTEMPTS: Final = 3
_CONNECT_S: Final = 5
_READ_S: Final = 20
_ABSENT: Final = ("NoSuchKey", "404", "NotFound")
_TAKEN: Final = ("PreconditionFailed", "ConditionalRequestConflict", "412")


class BotoMissing(Misconfigured):
    code = "boto_missing"
    message = "A bucket needs the library boto3, which is not installed."
    hint = "Install it: pip install 'anamnesis[aws]'."


class S3OffBox:
    """Credentials and region come from where AWS's own tools take them; `endpoint` names another service than AWS."""

    def __init__(self, bucket: str, prefix: str = "", endpoint: str | None = None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._client = _client(endpoint)

    def put(self, name: str, content: bytes) -> None:
        key = self._prefix + checked_name(name)
        with _translated():
            try:
                # Refused by the service itself when something is there, so that two writers can't both be first.
                self._client.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
            except _client_error() as exc:
                if _code(exc) not in _TAKEN:
                    raise
                if self.get(name) != content:
                    raise OffBoxConflict(name=name) from None

    def get(self, name: str) -> bytes | None:
        key = self._prefix + checked_name(name)
        with _translated():
            try:
                content: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except _client_error() as exc:
                if _code(exc) not in _ABSENT:
                    raise
                return None
            return content

    def names(self, prefix: str) -> Sequence[str]:
        start = self._prefix + checked_prefix(prefix)
        with _translated():
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
            found = [entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", ())]
        return sorted(found)


def _client(endpoint: str | None) -> Any:
    boto3, configuration, faults = (_imported(name) for name in ("boto3", "botocore.config", "botocore.exceptions"))
    config = configuration.Config(
        connect_timeout=_CONNECT_S, read_timeout=_READ_S, retries={"max_attempts": _ATTEMPTS, "mode": "standard"}
    )
    try:
        return boto3.client("s3", endpoint_url=endpoint, config=config)
    except (faults.BotoCoreError, ValueError) as exc:
        raise Misconfigured("The bucket's client can't be made.", reason=type(exc).__name__) from exc


def _imported(name: str) -> Any:
    """Of an extra that takes a third of a second to import: only where a bucket is used. Raises BotoMissing."""
    try:
        return import_module(name)
    except ModuleNotFoundError as exc:
        raise BotoMissing from exc


def _client_error() -> type[Exception]:
    error: type[Exception] = _imported("botocore.exceptions").ClientError
    return error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def _translated() -> Iterator[None]:
    """Whatever else goes wrong means that the place can't be used now."""
    try:
        yield
    except _client_error() as exc:
        raise OffBoxUnavailable(reason=_code(exc)) from exc
    except _imported("botocore.exceptions").BotoCoreError as exc:
        raise OffBoxUnavailable(reason=type(exc).__name__) from exc
