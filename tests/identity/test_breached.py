"""Looking a password up in a long sorted file without reading it."""

import os
from hashlib import sha1

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.identity.breached import BreachedFile
from domain.ports.identity import BreachedListUnreadable


def listed(words, *, count=True, case=str.upper, end="\n"):
    digests = sorted(sha1(word.encode()).hexdigest().upper() for word in words)
    return "".join(f"{case(one)}{f':{number}' if count else ''}{end}" for number, one in enumerate(digests, 1))


@given(
    st.sets(st.text(max_size=8).filter(lambda text: text.isprintable()), max_size=60),
    st.text(max_size=8).filter(str.isprintable),
    st.fixed_dictionaries(
        {
            "count": st.booleans(),
            "case": st.sampled_from([str.upper, str.lower]),
            "end": st.sampled_from(["\n", "\r\n"]),
        }
    ),
)
def test_what_is_in_the_file_is_found_and_what_is_not_is_not(tmp_path_factory, words, other, form):
    path = tmp_path_factory.mktemp("list") / "list.txt"
    path.write_text(listed(words, **form), newline="")
    held = BreachedFile(path)
    assert all(held.holds(word) for word in words)
    assert held.holds(other) is (other in words)


def test_a_last_line_without_an_end_counts(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text(listed(["one", "two", "three"]).rstrip("\n"))
    assert all(BreachedFile(path).holds(word) for word in ("one", "two", "three"))


def test_an_empty_list_holds_nothing(tmp_path):
    (tmp_path / "list.txt").touch()
    assert not BreachedFile(tmp_path / "list.txt").holds("one")


def test_of_a_long_list_only_a_few_places_are_read(tmp_path, monkeypatch):
    path = tmp_path / "list.txt"
    path.write_text(listed(map(str, range(200_000))))
    reads = []
    pread = os.pread
    monkeypatch.setattr(os, "pread", lambda *given: reads.append(given) or pread(*given))
    assert BreachedFile(path).holds("77777")
    assert not BreachedFile(path).holds("never")
    assert len(reads) < 120


@pytest.mark.parametrize("content", ["password\nqwerty\n", "x" * 500, "\0" * 500, "a" * 40 + ":many\n"])
def test_a_list_of_something_else_is_refused_and_not_passed_over(tmp_path, content):
    path = tmp_path / "list.txt"
    path.write_text(content)
    with pytest.raises(BreachedListUnreadable):
        BreachedFile(path).holds("one")


def test_a_list_that_is_missing_is_refused(tmp_path):
    with pytest.raises(BreachedListUnreadable):
        BreachedFile(tmp_path / "none.txt").holds("one")
    with pytest.raises(BreachedListUnreadable):
        BreachedFile(tmp_path).holds("one")
