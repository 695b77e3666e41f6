"""AnnoMI's columns: what is read, what is refused, and where a fault is said to be."""

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.imports.annomi import Conversation, conversations, counted
from ops.imports.faults import FileEmpty, FileUnreadable, NotTheFormat, Spoilt
from tests.imports.conftest import COLUMNS, row, rows


def read(path: Path) -> list[Conversation | Spoilt]:
    return list(conversations(path, counted(path)))


def one(path: Path) -> Conversation:
    (found,) = read(path)
    assert isinstance(found, Conversation), found
    return found


def faults(path: Path) -> list[tuple[str, str]]:
    (found,) = read(path)
    assert isinstance(found, Spoilt)
    return [(fault.where, fault.code) for fault in found.faults]


def test_utterances_come_with_speaker_time_text_and_codes(written) -> None:
    conversation = one(written(rows(1)))

    assert (conversation.key, conversation.topic, conversation.quality) == ("t0", "more exercise", "high")
    assert [(said.number, said.speaker, said.at_s, said.codes) for said in conversation.said[:2]] == [
        (0, "clinician", 0, ("question",)),
        (1, "client", 1, ("change",)),
    ]
    assert conversation.said[0].text == "What of t0?"


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(written) -> None:
    plain = read(written(rows(2)))

    assert read(written(rows(2), newline="\r\n", encoding="utf-8-sig")) == plain


def test_quotes_commas_and_line_breaks_stay_within_their_text(written) -> None:
    said = 'He said: "no, never",\nand left.\r\nThen «ja» — 好.'

    conversation = one(written([row("t", 0, utterance_text=said), row("t", 1)]))

    assert conversation.said[0].text == said


@given(st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_conversations(tmp_path_factory, chance: random.Random) -> None:
    from csv import DictWriter

    ordered = rows(3)
    shuffled = chance.sample(ordered, len(ordered))
    path = tmp_path_factory.mktemp("shuffled") / "rows.csv"
    with path.open("w", newline="") as file:
        writer = DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(shuffled)

    told = {each.key: each.said for each in read(path)}

    assert {key: [said.number for said in told[key]] for key in told} == {f"t{n}": [0, 1, 2, 3] for n in range(3)}
    assert told["t1"][1].text == "It is 1, said t1."


def test_several_annotators_of_an_utterance_are_heard_once_with_all_codes(written) -> None:
    seen = [
        row("t", 0) | {"annotator_id": annotator, "main_therapist_behaviour": code, "question_subtype": "open"}
        for annotator, code in (("1", "question"), ("2", "reflection"), ("3", "question"))
    ]

    (said,) = one(written(seen)).said

    assert said.codes == ("question:open", "reflection")


def test_annotators_who_heard_different_words_spoil_the_transcript(written) -> None:
    seen = [row("t", 0) | {"annotator_id": "1"}, row("t", 0, utterance_text="Other words") | {"annotator_id": "2"}]

    assert faults(written(seen)) == [("line 3, column utterance_text", "annotators_disagree")]


@pytest.mark.parametrize(
    ("cells", "column", "code"),
    [
        ({"utterance_id": "seven"}, "utterance_id", "utterance_unnumbered"),
        ({"utterance_id": "1"}, "utterance_id", "utterance_repeated"),
        ({"interlocutor": "narrator"}, "interlocutor", "interlocutor_unknown"),
        ({"timestamp": "half past"}, "timestamp", "time_unreadable"),
        ({"utterance_text": "  "}, "utterance_text", "text_missing"),
    ],
    ids=["number", "repeated", "speaker", "time", "text"],
)
def test_what_is_wrong_is_named_by_line_and_column_never_by_its_text(written, cells, column, code) -> None:
    path = written([row("t", 0), row("t", 1), row("t", 2, **cells), row("t", 3)])

    assert faults(path) == [(f"line 4, column {column}", code)]
    for typed in ("seven", "narrator", "half past"):
        assert typed not in repr(read(path))


def test_a_transcript_with_a_bad_row_is_left_out_and_the_others_are_read(written) -> None:
    told = rows(3)
    told[5] = row("t1", 1, interlocutor="?")

    found = read(written(told))

    assert [type(each).__name__ for each in found] == ["Conversation", "Spoilt", "Conversation"]


def test_lines_are_counted_where_rows_begin_also_after_texts_with_line_breaks(written) -> None:
    told = [row("t", 0, utterance_text="one\ntwo\nthree"), row("t", 1), row("t", 2, interlocutor="?")]

    assert faults(written(told)) == [("line 6, column interlocutor", "interlocutor_unknown")]


def test_a_row_that_names_no_transcript_is_a_fault(written) -> None:
    found = read(written([*rows(1), row("", 0)]))

    assert isinstance(found[0], Conversation)
    assert found[1].faults[-1].code == "transcript_unnamed"


def test_a_row_with_too_few_fields_is_a_fault(written) -> None:
    path = written(rows(1))
    path.write_text(path.read_text() + "t0,high\n")

    assert faults(path) == [("line 6", "fields_missing")]


def test_bytes_that_are_no_utf_8_are_named_and_nothing_else_is_lost(written) -> None:
    path = written(rows(2))
    path.write_bytes(path.read_bytes().replace(b"It is 1, said t0.", b"It is \xff\xfe."))

    found = read(path)

    assert [(fault.where, fault.code) for fault in found[0].faults] == [("line 3, column utterance_text", "not_utf8")]
    assert isinstance(found[1], Conversation)


@pytest.mark.parametrize("content", [b"", b"\xef\xbb\xbf", b"\n"], ids=["nothing", "mark-alone", "blank"])
def test_an_empty_file_is_refused(tmp_path, content) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)

    with pytest.raises((FileEmpty, NotTheFormat)):
        read(path)


def test_a_header_without_rows_is_an_empty_file(written) -> None:
    with pytest.raises(FileEmpty):
        read(written([]))


@pytest.mark.parametrize(
    "content",
    ["name,age\nx,1\n", '{"format": "anamnesis/record"}', "transcript_id;utterance_id\n1;2\n"],
    ids=["other-columns", "json", "semicolons"],
)
def test_another_kind_of_file_is_refused_with_the_columns_that_lack(tmp_path, content) -> None:
    path = tmp_path / "other.csv"
    path.write_text(content)

    with pytest.raises(NotTheFormat, match="does not name the columns"):
        read(path)


def test_a_quote_that_is_never_closed_refuses_the_file_and_says_from_where(written) -> None:
    path = written(rows(2))
    path.write_text(path.read_text() + 't9,high,x,y,z,0,client,00:00:01,"and then\n')

    with pytest.raises(NotTheFormat, match="From line 10 on"):
        counted(path)


def test_a_folder_or_nothing_is_no_file(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(FileUnreadable):
            read(path)


def test_a_large_file_is_read_without_holding_it(tmp_path) -> None:
    import tracemalloc

    path = tmp_path / "large.csv"
    words = "word " * 400
    with path.open("w") as file:
        file.write(",".join(COLUMNS) + "\n")
        for transcript in range(500):
            for number in range(25):
                file.write(f"t{transcript},high,v,u,topic,{number},client,00:00:01,{words},n/a,change\n")
    size = path.stat().st_size
    assert size > 20_000_000

    counts = counted(path)
    tracemalloc.start()
    seen = sum(1 for each in conversations(path, counts) if isinstance(each, Conversation))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert seen == 500
    assert peak < size / 10
