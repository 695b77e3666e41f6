"""Exported entries as other programs read them: FHIR by the published model, CSV that no spreadsheet runs."""

import csv
import io
import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given
from hypothesis import strategies as st

from adapters.fhir.audit_event import LEAF, POSITION, FhirAudit
from domain.ports.audit import AuditRecord, Outcome
from domain.ports.call import Purpose, Role
from domain.services.audit import NoProofs
from domain.services.audit_forms import COLUMNS, AuditForm, record_as_json, written
from domain.services.audit_words import in_words
from domain.services.policy import Action

IDS = st.uuids()
RECORDS = st.builds(
    AuditRecord,
    position=st.integers(1, 2**53),
    leaf=st.binary(min_size=32, max_size=32),
    recorded_at=st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given
    request_id=IDS,
    actor_id=IDS,
    actor_role=st.sampled_from([role.value for role in Role]),
    action=st.sampled_from([action.value for action in Action] + ["api.refuse"]),
    client_id=st.none() | IDS,
    resources=st.lists(IDS, max_size=3).map(tuple),
    outcome=st.sampled_from([outcome.value for outcome in Outcome]),
    reason=st.sampled_from(["", "outside_care_team", "=1+1"]),
    purpose=st.sampled_from([purpose.value for purpose in Purpose]),
    origin=st.sampled_from(["", "host", "worker", "192.0.2.7", "2001:db8::1", "=HYPERLINK()", "@x", "-1", "a,b\n"]),
    on_behalf_of=st.none() | IDS,
    clients=st.lists(IDS, max_size=3).map(tuple),
)


@given(RECORDS)
def test_every_entry_is_an_audit_event_of_fhir_that_says_the_same(record):
    event = AuditEvent.model_validate_json(FhirAudit().event(record))
    assert event.subtype[0].code == record.action
    assert event.outcome == {"allowed": "0", "denied": "4", "failed": "8"}[record.outcome]
    assert event.recorded == record.recorded_at
    assert {each.url: each.valueString for each in event.extension} == {
        POSITION: str(record.position),
        LEAF: record.leaf.hex(),
    }
    named = [one.what.reference for one in event.entity if one.what.reference]
    clients = {*record.clients, *((record.client_id,) if record.client_id else ())}
    assert set(named) == {f"Patient/{client}" for client in clients}
    assert len(event.agent) == (1 if record.on_behalf_of is None else 2)


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("session.read", "R"),
        ("session.record", "C"),
        ("session.amend", "U"),
        ("draft.discard", "D"),
        ("export.make", "E"),
    ],
)
def test_what_was_done_is_told_in_fhirs_five_letters(action, code):
    record = AuditRecord(
        position=1,
        leaf=bytes(32),
        recorded_at=datetime(2026, 3, 2, tzinfo=UTC),
        request_id=UUID(int=1),
        actor_id=UUID(int=2),
        actor_role="clinician",
        action=action,
        client_id=None,
        resources=(),
        outcome="allowed",
        reason="",
        purpose="treatment",
        origin="",
    )
    assert json.loads(FhirAudit().event(record))["action"] == code


@given(st.lists(RECORDS, max_size=4))
def test_a_csv_file_holds_every_entry_and_no_cell_that_a_spreadsheet_would_run(records):
    text = b"".join(written([records], AuditForm.CSV, FhirAudit(), NoProofs())).decode()
    head, *rows = list(csv.reader(io.StringIO(text, newline="")))
    assert tuple(head) == COLUMNS
    assert [int(row[0]) for row in rows] == [record.position for record in records]
    assert not any(cell[:1] in {"=", "+", "-", "@", "\t", "\r", "\n"} for row in rows for cell in row if cell)
    for row, record in zip(rows, records, strict=True):
        assert row[COLUMNS.index("origin")].removeprefix("'") == record.origin


@given(st.lists(st.lists(RECORDS, max_size=3), max_size=3))
def test_json_lines_begin_with_a_header_and_hold_an_entry_a_line(pages):
    lines = b"".join(written(pages, AuditForm.JSONL, FhirAudit(), NoProofs())).splitlines()
    assert json.loads(lines[0]) == {"format": "anamnesis-export/1", "size": 0, "checkpoint": ""}
    entries = [json.loads(line) for line in lines[1:]]
    assert entries == [record_as_json(record) | {"proof": None} for page in pages for record in page]


def test_a_page_is_written_before_the_next_is_read():
    read = []

    def pages():
        for number in range(3):
            read.append(number)
            yield []

    pieces = written(pages(), AuditForm.JSONL, FhirAudit(), NoProofs())
    next(pieces)
    assert read == []
    next(pieces)
    assert read == [0]


def test_every_action_reads_as_words():
    for action in Action:
        words = in_words(action)
        assert words
        assert "_" not in words
        assert "." not in words


CHARTED = {"client", "identity", "session", "appointment", "draft", "transcript", "goal", "measure", "diagnosis"} | {
    *("medication", "treatment_plan", "safety_plan", "journey", "context", "event", "progress", "worklist", "report"),
    *("export", "disclosure", "erasure", "hold", "note", "risk_flag", "import", "audit"),
}


def test_what_is_done_with_a_record_is_never_told_by_spelling_out_a_code():
    for action in Action:
        if action.partition(".")[0] in CHARTED or action in {Action.BREAK_GLASS_OPEN, Action.BREAK_GLASS_READ}:
            assert "(" not in in_words(action), action


def test_words_tell_what_was_refused_and_what_failed_from_what_was_done():
    told = {outcome: in_words(Action.EXPORT_MAKE, outcome) for outcome in Outcome}
    assert told[Outcome.ALLOWED] == "made a copy of the record"
    assert "refused" in told[Outcome.DENIED]
    assert "did not succeed" in told[Outcome.FAILED]


@given(RECORDS)
def test_only_breaking_the_glass_is_told_as_the_start_of_an_emergency(record):
    told = json.loads(FhirAudit().event(record))
    assert (told["type"]["code"] == "110127") is (record.action == Action.BREAK_GLASS_OPEN)
    assert (told["type"]["code"] == "110138") is (record.action == Action.BREAK_GLASS_END)
