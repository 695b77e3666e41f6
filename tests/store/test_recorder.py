"""Appending and reading, one caller at a time."""

from tests.store.conftest import append_of, new_row


def test_an_append_is_read_back(recorder):
    row = new_row()
    appended = recorder.append(append_of(row))
    assert (appended.first, appended.last) == (1, 1)
    [stored] = recorder.read_log(0, 10)
    assert stored.originator_id == row.stream
    assert stored.state == row.state
    assert recorder.last_position() == 1
