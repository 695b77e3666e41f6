"""A root key in shares: any K of N make it up again, fewer tell nothing about it (SLIP-39, Shamir's scheme in words)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from shamir_mnemonic import MnemonicError, combine_mnemonics, generate_mnemonics
from shamir_mnemonic.share import Share as SlipShare

from adapters.keys.errors import RootKeyExists, SharesUnusable, ShareUnreadable
from adapters.keys.root_file import read_root_file, write_private
from adapters.keys.wrapping import KEY_BYTES

MOST_SHARES: Final = 16
"""What SLIP-39 has room for."""
_MAX_BYTES: Final = 4096
_WORDS: Final = re.compile(r"[a-z]+(?:\s+[a-z]+){15,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Whose root key it is: nothing of it is secret."""

    deployment: UUID
    purpose: str
    generation: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RootShare:
    """One share. `words` are the secret part; the rest says where it belongs."""

    words: str
    number: int
    of: int
    need: int
    origin: Origin

    def __repr__(self) -> str:
        return f"RootShare({self.number} of {self.of}, {self.need} needed, {self.origin.generation})"

    def text(self) -> str:
        """For paper or a file: what it is, then the words in lines of six."""
        words = self.words.split()
        lines = [" ".join(words[start : start + 6]) for start in range(0, len(words), 6)]
        head = (
            f"# Share {self.number} of {self.of} of a root key of Anamnesis; any {self.need} of them make it up again.\n"
            f"# Deployment {self.origin.deployment}, {self.origin.purpose} root, generation {self.origin.generation}\n"
            "# Keep it apart from the other shares and from the databases. Format: SLIP-39, no passphrase.\n"
        )
        return head + "\n".join(lines) + "\n"


def split(path: Path, *, of: int, need: int, origin: Origin) -> Sequence[RootShare]:
    """Shares of the root key in a file. Raises SharesUnusable for numbers that make no sense, and what reading a root
    key file raises.
    """
    if not 2 <= need <= of <= MOST_SHARES:
        raise SharesUnusable(f"At least 2 of at most {MOST_SHARES} shares must be needed, not {need} of {of}.")
    # No passphrase, so no stretching of one either.
    (words,) = generate_mnemonics(1, [(need, of)], read_root_file(path), iteration_exponent=0)
    return [
        RootShare(words=each, number=number, of=of, need=need, origin=origin)
        for number, each in enumerate(words, start=1)
    ]


def write_share(path: Path, share: RootShare) -> None:
    """To a file of its own that isn't there yet, for its owner alone. Raises RootKeyExists, RootKeyUnreadable."""
    write_private(path, share.text().encode())


def read_share(path: Path) -> str:
    """The words of a share file. Raises ShareUnreadable."""
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise ShareUnreadable(path=path) from exc
    try:
        return read_words("\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#")))
    except ShareUnreadable as exc:
        raise ShareUnreadable(path=path) from exc


def read_words(text: str) -> str:
    """The words of one share as typed, checked against each other. Raises ShareUnreadable."""
    words = text.strip().lower()
    try:
        if not _WORDS.fullmatch(words):
            raise ShareUnreadable
        SlipShare.from_mnemonic(words)
    except MnemonicError as exc:
        raise ShareUnreadable from exc
    return " ".join(words.split())


def needed(words: str) -> int:
    """How many shares of this one's set make up the key."""
    return int(SlipShare.from_mnemonic(words).member_threshold)


def combined(shares: Sequence[str]) -> bytes:
    """The root key that the shares make up. Raises SharesUnusable: too few, of different sets, twice the same."""
    parsed = [SlipShare.from_mnemonic(words) for words in shares]
    if not parsed:
        raise SharesUnusable("No share was given.")
    if len({(share.identifier, share.member_threshold) for share in parsed}) > 1:
        raise SharesUnusable("These shares are of different sets and can't be mixed.")
    need, different = (
        parsed[0].member_threshold,
        {share.index: words for share, words in zip(parsed, shares, strict=True)},
    )
    if len(different) < need:
        raise SharesUnusable(f"{need} different shares are needed, and {len(different)} were given.")
    try:
        key: bytes = combine_mnemonics([different[index] for index in sorted(different)][:need])
    except MnemonicError as exc:
        raise SharesUnusable("These shares contradict each other.") from exc
    if len(key) != KEY_BYTES:
        raise SharesUnusable("These shares make up something else than a root key.")
    return key


def must_be_free(path: Path) -> None:
    """Raises RootKeyExists when something is there."""
    if path.exists() or path.is_symlink():
        raise RootKeyExists(path=path)
