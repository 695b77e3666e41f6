"""Where a root key is, as text: file:/path or awskms:<ARN>."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from adapters.keys.aws_kms import AwsKmsRootKey
from adapters.keys.errors import RootAddressWrong
from adapters.keys.root_file import FileRootKey
from domain.ports.keys import RootKey

_FILE: Final = "file:"
_AWS: Final = "awskms:"


def load_root(address: str) -> RootKey:
    """Raises RootAddressWrong, AwsMissing and what loading a root key file raises."""
    if address.startswith(_AWS):
        return AwsKmsRootKey(address.removeprefix(_AWS))
    return FileRootKey.load(_path(address))


def load_roots(addresses: Sequence[str]) -> Sequence[RootKey]:
    """All of them, each generation once. Raises as load_root."""
    return list({root.generation: root for root in map(load_root, addresses)}.values())


def file_of(address: str) -> Path | None:
    """The path of a root key file, None for a root that lies elsewhere. Raises RootAddressWrong."""
    return None if address.startswith(_AWS) else _path(address)


def _path(address: str) -> Path:
    if not address.startswith(_FILE + "/"):
        raise RootAddressWrong
    return Path(address.removeprefix(_FILE))
