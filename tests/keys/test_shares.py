"""A root key in shares: any K of N make it up again; fewer, mixed, twice the same or misspelt ones are told apart."""

import stat
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shamir_mnemonic import generate_mnemonics

from adapters.keys.errors import RootKeyExists, RootKeyMissing, SharesUnusable, ShareUnreadable
from adapters.keys.root_file import FileRootKey, read_root_file, write_root_file
from adapters.keys.shares import Origin, combined, read_share, read_words, split, write_share

ORIGIN = Origin(deployment=UUID(int=7), purpose="main", generation="file-0123456789abcdef")


def words_of(key, need, of):
    return generate_mnemonics(1, [(need, of)], key, iteration_exponent=0)[0]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "root.key"
    FileRootKey.create(path)
    return path


@settings(max_examples=25)
@given(key=st.binary(min_size=32, max_size=32), data=st.data())
def test_any_k_shares_make_the_key_up_again_and_k_minus_1_never_do(key, data):
    of = data.draw(st.integers(2, 16))
    need = data.draw(st.integers(2, of))
    words = data.draw(st.permutations(words_of(key, need, of)))
    assert combined(words[:need]) == key
    assert combined(words) == key
    with pytest.raises(SharesUnusable, match=f"{need} different shares are needed, and {need - 1}"):
        combined(words[: need - 1])


def test_every_combination_of_three_of_five_makes_it_up(path):
    shares = [share.words for share in split(path, of=5, need=3, origin=ORIGIN)]
    key = read_root_file(path)
    assert all(combined(list(some)) == key for some in combinations(shares, 3))


def test_k_minus_1_shares_fit_every_key_there_could_be():
    """The same K-1 shares beside one more that suits make up any secret at all: alone they rule nothing out."""
    from shamir_mnemonic.shamir import RawShare, _interpolate

    known = [RawShare(0, bytes(range(32))), RawShare(1, bytes(range(32, 64)))]
    for secret in (bytes(32), b"\xff" * 32, bytes(range(100, 132))):
        third = RawShare(2, _interpolate([*known, RawShare(255, secret)], 2))
        assert _interpolate([*known, third], 255) == secret


def test_shares_of_different_sets_are_not_mixed(path):
    first, second = (split(path, of=3, need=2, origin=ORIGIN) for _ in range(2))
    with pytest.raises(SharesUnusable, match="different sets"):
        combined([first[0].words, second[1].words])


def test_one_share_twice_is_one_share(path):
    share = split(path, of=3, need=2, origin=ORIGIN)[0].words
    with pytest.raises(SharesUnusable, match="2 different shares are needed, and 1"):
        combined([share, share])


def test_more_than_enough_shares_are_fine_and_none_are_not(path):
    shares = [share.words for share in split(path, of=4, need=2, origin=ORIGIN)]
    assert combined(shares) == read_root_file(path)
    with pytest.raises(SharesUnusable):
        combined([])


def test_a_share_of_something_else_is_told_apart():
    with pytest.raises(SharesUnusable, match="something else"):
        combined(words_of(bytes(range(16)), 2, 3)[:2])


@pytest.mark.parametrize(("need", "of"), [(1, 1), (1, 3), (3, 2), (0, 2), (2, 17), (-1, 5)])
def test_numbers_that_make_no_sense_are_refused(path, need, of):
    with pytest.raises(SharesUnusable, match="must be needed"):
        split(path, of=of, need=need, origin=ORIGIN)


def test_only_a_root_key_file_is_split(tmp_path):
    with pytest.raises(RootKeyMissing):
        split(tmp_path / "none.key", of=3, need=2, origin=ORIGIN)


def test_a_share_is_written_for_its_owner_alone_and_never_over_anything(path, tmp_path):
    share = split(path, of=3, need=2, origin=ORIGIN)[0]
    file = tmp_path / "shares" / "one.share"
    write_share(file, share)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert read_share(file) == share.words
    text = file.read_text()
    assert "Share 1 of 3" in text
    assert ORIGIN.generation in text
    assert str(ORIGIN.deployment) in text
    with pytest.raises(RootKeyExists):
        write_share(file, share)
    assert file.read_text() == text


def test_no_repr_shows_a_word(path):
    share = split(path, of=3, need=2, origin=ORIGIN)[0]
    assert not set(share.words.split()) & set(repr(share).replace("(", " ").split())


@given(place=st.integers(0, 32), data=st.data())
def test_one_wrong_word_is_found(place, data):
    words = words_of(bytes(range(32)), 2, 3)[0].split()
    other = data.draw(
        st.sampled_from(["academic", "zero", "husband", "unlikely", "nonsense"]).filter(lambda w: w != words[place])
    )
    with pytest.raises(ShareUnreadable):
        read_words(" ".join([*words[:place], other, *words[place + 1 :]]))


@given(noise=st.text(max_size=300))
def test_noise_is_no_share(noise):
    with pytest.raises(ShareUnreadable):
        read_words(noise)


def test_spaces_lines_and_capitals_don_t_matter():
    words = words_of(bytes(range(32)), 2, 3)[0]
    assert read_words("  " + words.upper().replace(" ", "\n\t ") + "\n") == words


def test_files_that_are_no_shares_are_named(tmp_path):
    for name, content in (("empty", b""), ("key", b"A" * 44), ("binary", bytes(range(256)) * 40)):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ShareUnreadable) as caught:
            read_share(tmp_path / name)
        assert name in caught.value.facts["path"]
    with pytest.raises(ShareUnreadable):
        read_share(tmp_path / "nowhere")


def test_a_recovered_file_is_the_same_root(path, tmp_path):
    shares = split(path, of=5, need=3, origin=ORIGIN)
    again = tmp_path / "again.key"
    write_root_file(again, combined([share.words for share in shares[2:]]))
    assert again.read_bytes() == path.read_bytes()
    assert FileRootKey.load(again).generation == FileRootKey.load(path).generation
