"""From the address of a place to its adapter."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from adapters.offbox.folder import FolderOffBox
from adapters.offbox.s3 import S3OffBox
from domain.errors import Misconfigured
from domain.ports.offbox import OffBox

_BUCKET: Final = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class OffBoxAddressInvalid(Misconfigured):
    code = "off_box_address_invalid"
    message = "The address of the place off the box can't be used."
    hint = "Give a folder (/mnt/safe, file:///mnt/safe) or a bucket (s3://bucket/prefix) in ANAMNESIS_OFF_BOX."


def off_box(url: str, *, s3_endpoint: str | None = None) -> OffBox:
    """A folder's path, `file:///folder` or `s3://bucket/prefix`. Raises OffBoxAddressInvalid, BotoMissing."""
    if "://" not in url:
        return FolderOffBox(Path(url).expanduser().absolute())
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path:
        return FolderOffBox(Path(unquote(parts.path)))
    if parts.scheme == "s3" and _BUCKET.fullmatch(parts.netloc) and not parts.query:
        return S3OffBox(parts.netloc, parts.path, s3_endpoint)
    raise OffBoxAddressInvalid
