"""What every holder of a root key keeps to, whether a file or a service."""

import os
from uuid import uuid4

import pytest

from adapters.keys.hierarchy import CLIENT_KEY
from adapters.keys.ring import hierarchy_on
from domain.errors import AnamnesisError, SealBroken


class RootKeyContract:
    """Subclasses give `root`, a holder, and `other`, another of the same kind."""

    OF_ANOTHER: type[AnamnesisError] | tuple[type[AnamnesisError], ...] = SealBroken

    def test_what_it_wraps_it_unwraps_for_the_same_context(self, root):
        for context in (b"", b"context", os.urandom(300)):
            key = os.urandom(32)
            wrapped = root.wrap(key, context)
            assert key not in wrapped
            assert root.unwrap(wrapped, context) == key

    def test_another_context_does_not_unwrap(self, root):
        wrapped = root.wrap(os.urandom(32), b"context")
        for context in (b"", b"contexT", b"context\x00"):
            with pytest.raises(SealBroken):
                root.unwrap(wrapped, context)

    def test_another_root_does_not_unwrap(self, root, other):
        wrapped = root.wrap(os.urandom(32), b"context")
        with pytest.raises(self.OF_ANOTHER):
            other.unwrap(wrapped, b"context")

    def test_what_was_altered_cut_or_made_elsewhere_does_not_unwrap(self, root):
        wrapped = root.wrap(os.urandom(32), b"context")
        altered = [wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :] for place in (0, 50, -1)]
        altered += [b"", wrapped[:1], wrapped[:-1], os.urandom(61), b"\x01" + os.urandom(60), b"\x02" + os.urandom(180)]
        for noise in altered:
            with pytest.raises(SealBroken):
                root.unwrap(noise, b"context")

    def test_two_wrappings_of_one_key_differ(self, root):
        assert root.wrap(bytes(range(32)), b"") != root.wrap(bytes(range(32)), b"")

    @pytest.mark.parametrize("size", [0, 31, 33])
    def test_only_keys_of_32_bytes_are_wrapped(self, root, size):
        with pytest.raises(ValueError, match="32 bytes"):
            root.wrap(bytes(size), b"")

    def test_its_generation_is_a_short_stable_name_of_its_own(self, root, other):
        assert root.generation == root.generation
        assert root.generation != other.generation
        assert 8 < len(root.generation) <= 64
        assert repr(root).endswith(f"({root.generation})")

    def test_keys_of_clients_hang_from_it(self, root, keys_engine):
        from adapters.keys.book import KeyBook

        hierarchy = hierarchy_on(KeyBook(keys_engine), uuid4(), root, None, lambda: 1)
        hierarchy.enrol_roots()
        row = hierarchy.made(uuid4(), CLIENT_KEY, 1, 0, hierarchy.root_wrapper(CLIENT_KEY))
        assert row.wrapped_by == root.generation
        assert len(hierarchy.unwrapped(row, hierarchy.wrapper_of(row))) == 32
