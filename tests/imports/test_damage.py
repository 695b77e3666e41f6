"""Files as they come: whatever is damaged in one is told as a fault of the file, never by a fault of the program."""

import json
from collections.abc import Callable
from csv import DictWriter
from io import StringIO
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AnamnesisError
from ops.imports.annomi import Conversation, conversations, counted
from ops.imports.faults import Spoilt
from ops.imports.reading import read
from tests.imports.conftest import COLUMNS, rows
from tests.imports.test_records import restoring, small


def csv_bytes() -> bytes:
    text = StringIO()
    writer = DictWriter(text, COLUMNS)
    writer.writeheader()
    writer.writerows(rows(2))
    return text.getvalue().encode()


def json_bytes() -> bytes:
    return json.dumps(small(), indent=1).encode()


@st.composite
def damaged(draw: st.DrawFn, whole: Callable[[], bytes]) -> bytes:
    """A stretch of the file cut out, replaced or doubled, a few times."""
    content = whole()
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(content)))
        end = draw(st.integers(begin, min(len(content), begin + 40)))
        into = draw(st.one_of(st.just(b""), st.binary(max_size=8), st.just(content[begin:end] * 2)))
        content = content[:begin] + into + content[end:]
    return content


@given(damaged(csv_bytes))
def test_conversations(tmp_path_factory, content: bytes) -> None:
    path: Path = tmp_path_factory.mktemp("damaged") / "file.csv"
    path.write_bytes(content)

    try:
        found = list(conversations(path, counted(path)))
    except AnamnesisError:
        return
    assert all(isinstance(each, (Conversation, Spoilt)) for each in found)


@given(damaged(json_bytes))
def test_records(tmp_path_factory, content: bytes) -> None:
    path: Path = tmp_path_factory.mktemp("damaged") / "file.json"
    path.write_bytes(content)
    how = restoring()

    try:
        found = [one if isinstance(one, Spoilt) else how.record(one) for one in read(path).each()]
    except AnamnesisError:
        return
    assert len(found) >= 1
