"""Where back-ups lie: a folder or a bucket. A back-up is a folder in it, whole once its manifest is there."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from time import time
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

from adapters.files import make_durable, make_folder
from adapters.offbox.s3 import BotoMissing
from ops.backup.errors import BackupMissing, PlaceUnusable
from ops.backup.manifest import NAME

_BACKUP: Final = re.compile(r"anamnesis-(events|keys)-\d{8}T\d{12}Z-\d{12,19}")
_PARTIAL: Final = ".partial-"
_STALE_S: Final = 24 * 3600


class Place(Protocol):
    address: str

    def workspace(self) -> Any:
        """A context with an empty private folder to write a back-up in; removed afterwards unless it was kept."""

    def keep(self, workspace: Path, name: str) -> str:
        """Under this name from now on, whole or not at all; gives its address. Raises PlaceUnusable."""

    def names(self) -> Sequence[str]:
        """Of finished back-ups, oldest first within a kind. Raises PlaceUnusable."""

    def manifest(self, name: str) -> bytes:
        """Raises BackupMissing, PlaceUnusable."""

    def fetched(self, name: str) -> Any:
        """A context with a local folder that holds its files. Raises BackupMissing, PlaceUnusable."""


def is_backup(name: str) -> bool:
    return _BACKUP.fullmatch(name) is not None


def place_at(address: str, *, s3_endpoint: str | None = None) -> tuple[Place, str]:
    """The place, and the name of the one back-up that the address ends in, "" when it names the place alone.

    Raises PlaceUnusable, BotoMissing.
    """
    head, _, last = address.rstrip("/").rpartition("/")
    name = last if is_backup(last) else ""
    whole = (head or "/") if name and "/" in address.rstrip("/") else "." if name else address
    if address.startswith("s3://"):
        parts = urlsplit(whole)
        if not parts.netloc:
            raise PlaceUnusable("A bucket's address is s3://bucket/prefix.")
        return BucketPlace(parts.netloc, parts.path, s3_endpoint), name
    if "://" in whole and not whole.startswith("file://"):
        raise PlaceUnusable("Back-ups go to a folder or to s3://bucket/prefix.")
    return FolderPlace(Path(whole.removeprefix("file://")).expanduser().absolute()), name


class FolderPlace:
    """A folder, made with mode 0700 when it is missing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.address = str(folder)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        with _told(self.address):
            make_folder(self._folder)
            self._sweep()
            work = Path(tempfile.mkdtemp(prefix=_PARTIAL, dir=self._folder))
        try:
            yield work
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _sweep(self) -> None:
        """What back-ups that were killed left behind, once no running one can be working on it."""
        for left in self._folder.glob(f"{_PARTIAL}*"):
            if time() - left.stat().st_mtime > _STALE_S:
                shutil.rmtree(left, ignore_errors=True)

    def keep(self, workspace: Path, name: str) -> str:
        with _told(self.address):
            for file in workspace.iterdir():
                flush(file)
            make_durable(workspace)
            workspace.rename(self._folder / name)
            make_durable(self._folder)
        return str(self._folder / name)

    def names(self) -> Sequence[str]:
        with _told(self.address):
            if not self._folder.is_dir():
                return ()
            found = [one.name for one in self._folder.iterdir() if is_backup(one.name) and (one / NAME).is_file()]
        return sorted(found)

    def manifest(self, name: str) -> bytes:
        with _told(self.address):
            try:
                return (self._folder / name / NAME).read_bytes()
            except (FileNotFoundError, NotADirectoryError) as exc:
                raise BackupMissing(place=self.address, name=name) from exc

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        self.manifest(name)
        yield self._folder / name


class BucketPlace:
    """A bucket: files first, the manifest last. Large files go in parts, with the client library's own check sums."""

    def __init__(self, bucket: str, prefix: str, endpoint: str | None) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.address = f"s3://{bucket}/{self._prefix}"
        try:
            limits = import_module("botocore.config").Config(connect_timeout=5, read_timeout=60)
            self._client: Any = import_module("boto3").client("s3", endpoint_url=endpoint, config=limits)
        except ModuleNotFoundError as exc:
            raise BotoMissing from exc

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="anamnesis-backup-") as folder:
            yield Path(folder)

    def keep(self, workspace: Path, name: str) -> str:
        files = sorted(workspace.iterdir(), key=lambda file: (file.name == NAME, file.name))
        with _told(self.address):
            for file in files:
                self._client.upload_file(str(file), self._bucket, f"{self._prefix}{name}/{file.name}")
        return f"{self.address}{name}"

    def names(self) -> Sequence[str]:
        with _told(self.address):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            keys = [entry["Key"].removeprefix(self._prefix) for page in pages for entry in page.get("Contents", ())]
        folders = (key.removesuffix(f"/{NAME}") for key in keys if key.endswith(f"/{NAME}"))
        return sorted(name for name in folders if is_backup(name))

    def manifest(self, name: str) -> bytes:
        if name not in self.names():
            raise BackupMissing(place=self.address, name=name)
        with _told(self.address):
            found = self._client.get_object(Bucket=self._bucket, Key=f"{self._prefix}{name}/{NAME}")
            content: bytes = found["Body"].read()
        return content

    @contextmanager
    def fetched(self, name: str) -> Iterator[Path]:
        self.manifest(name)
        start = f"{self._prefix}{name}/"
        with tempfile.TemporaryDirectory(prefix="anamnesis-restore-") as folder:
            with _told(self.address):
                pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=start)
                for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
                    if "/" not in key.removeprefix(start):
                        self._client.download_file(self._bucket, key, str(Path(folder) / key.removeprefix(start)))
            yield Path(folder)


def flush(file: Path) -> None:
    """Until its content is on the disk. Raises OSError."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _told(address: str) -> Iterator[None]:
    """Whatever the disk or the bucket's client says becomes PlaceUnusable; only the kind of fault is told."""
    faults: tuple[type[Exception], ...] = (OSError,)
    with suppress(ModuleNotFoundError):
        known = import_module("botocore.exceptions") if address.startswith("s3://") else None
        if known is not None:
            boto3 = import_module("boto3.exceptions")
            faults = (*faults, known.BotoCoreError, known.ClientError, boto3.Boto3Error)
    try:
        yield
    except faults as exc:
        reason = os.strerror(exc.errno) if isinstance(exc, OSError) and exc.errno else type(exc).__name__
        raise PlaceUnusable(place=address, reason=reason) from exc
