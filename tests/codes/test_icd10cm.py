"""The published code list: found however a code is written, read once, and only when somebody asks."""

import subprocess
import sys
import textwrap
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.codes.icd10cm import Icd10Cm, _read
from adapters.memory.codes import InMemoryDiagnosisCodes


@pytest.fixture(scope="module")
def codes():
    return Icd10Cm()


def test_edition_names_the_release_that_the_package_carries(codes):
    assert codes.edition == "icd-10-cm/2026-04"


def test_codes_are_found_with_and_without_their_dot_in_any_case(codes):
    for written in ("F32.9", "f329", " F32.9 ", "f32.9"):
        found = codes.find(written)
        assert (found.code, found.billable) == ("F32.9", True)
        assert found.description == "Major depressive disorder, single episode, unspecified"


def test_headings_are_told_from_diagnoses_and_chapters_and_ranges_are_no_codes(codes):
    assert codes.find("F32").billable is False
    assert codes.find("T14.91XA").billable is True
    for none in ("", ".", "5", "F30-F39", "F", "F3", "F99.99", "F32.9.9"):
        assert codes.find(none) is None


def test_codes_below_a_heading_are_diagnoses_and_bounded(codes):
    assert [entry.code for entry in codes.below("F43.1", 8)] == ["F43.10", "F43.11", "F43.12"]
    assert len(codes.below("F32", 3)) == 3
    assert codes.below("F43.10", 8) == ()
    assert codes.below("ZZZ", 8) == ()


def test_near_codes_share_the_category_and_the_longest_beginning_comes_first(codes):
    near = [entry.code for entry in codes.near("F43.19", 5)]
    assert near[:3] == ["F43.10", "F43.11", "F43.12"]
    assert len(near) == 5
    assert all(code.startswith("F43") for code in near)
    assert codes.near("QQ9", 8) == ()
    assert codes.near("F4", 8) == ()


def test_words_are_found_by_their_beginnings_mental_disorders_first(codes):
    found = codes.search("panic", 10)
    assert {"F40.01", "F41.0"} <= {entry.code for entry in found}
    assert all("panic" in entry.description.casefold() for entry in found)
    assert codes.search("post-traumatic", 1)[0].code.startswith("F43.1")
    assert codes.search("depressive recurrent", 50) == codes.search("RECURRENT  depressive", 50)
    assert codes.search("qwertz", 5) == ()
    assert codes.search("…", 5) == ()


def test_everything_the_list_gives_is_one_line_and_found_again_by_its_code(codes):
    for entry in codes.search("F", 2_000):
        assert entry.description.isprintable()
        assert codes.find(entry.code) == entry
        assert codes.find(entry.code.replace(".", "").lower()) == entry
        assert entry.billable or codes.below(entry.code, 1)


@given(query=st.text(max_size=30), limit=st.integers(1, 20))
def test_any_question_has_a_bounded_answer(query, limit):
    codes = InMemoryDiagnosisCodes()
    for answer in (codes.search(query, limit), codes.near(query, limit), codes.below(query, limit)):
        assert len(answer) <= limit
    found = codes.find(query)
    assert found is None or found in codes.search(query, 20)


def test_threads_that_ask_at_once_read_the_list_once():
    _read.cache_clear()
    codes, answers = Icd10Cm(), []
    gate = threading.Barrier(4)

    def ask():
        gate.wait()
        answers.append(codes.find("F41.1"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.code for entry in answers] == ["F41.1"] * 4
    assert len({id(entry) for entry in answers}) == 1


def test_nothing_is_read_before_a_code_is_asked_for_and_its_tree_is_let_go():
    """In a process of its own: others here may have read the list already."""
    program = """
        import sys
        import ops.bootstrap
        from adapters.codes.icd10cm import Icd10Cm
        codes = Icd10Cm()
        assert "simple_icd_10_cm" not in sys.modules
        assert codes.find("F41.1").billable
        assert "simple_icd_10_cm" not in sys.modules
    """
    subprocess.run([sys.executable, "-W", "error", "-c", textwrap.dedent(program)], check=True)
