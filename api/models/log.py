"""Checkpoints and proofs as they are answered. Hashes are base64; every leaf is SHA-256 and so is every node."""

from api.models.common import Out, example

_HASH = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
_ORIGIN = "anamnesis/5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11/1"
_NOTE = f"{_ORIGIN}\n20852\n{_HASH}\n\n\u2014 anamnesis/5f0c8f3e-6a55-4a0e-9d0b-0b8d7d5a1c11 Az3grlgt\n"


class CheckpointOut(Out):
    """`note` is the signed text, with which the rest is checked: take nothing else of it on trust."""

    origin: str
    size: int
    root: str
    note: str

    model_config = example({"origin": _ORIGIN, "size": 20852, "root": _HASH, "note": _NOTE})


class InclusionProofOut(Out):
    """Shows that `leaf` stands at `position` in the tree of `size` leaves with this root (RFC 6962, 2.1.1; the index of a
    leaf is its position less one). What the leaf was made of isn't told here.
    """

    position: int
    size: int
    leaf: str
    hashes: tuple[str, ...]
    root: str

    model_config = example({"position": 4711, "size": 20852, "leaf": _HASH, "hashes": [_HASH], "root": _HASH})


class ConsistencyProofOut(Out):
    """Shows that the tree of `first` leaves is a prefix of that of `second` (RFC 6962, 2.1.2)."""

    first: int
    second: int
    first_root: str
    second_root: str
    hashes: tuple[str, ...]

    model_config = example(
        {"first": 4711, "second": 20852, "first_root": _HASH, "second_root": _HASH, "hashes": [_HASH]}
    )
