"""What can't be right is refused with a code and a pointer, and is never repeated back."""

import json
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

MARK = "Xylographinquisitor"
"""Stands for what a person typed."""
CONTENT = {
    "took_place": {"instant": "2026-03-02T10:00:00+01:00", "zone": "Europe/Berlin"},
    "duration_min": 50,
    "modality": "in_person",
    "summary": "Talked about the week.",
}


@pytest.fixture
def record(clinician, client_id):
    """`record(**changed)`: the answer to recording a session with these fields changed."""
    return lambda **changed: clinician.post(f"/v1/clients/{client_id}/sessions", CONTENT | changed)


@pytest.fixture
def send(house, clinician, client_id):
    """`send(bytes, **headers)`: the answer to raw bytes as a session's body."""

    def raw(body, content_type="application/json"):
        headers = clinician.headers() | ({"Content-Type": content_type} if content_type else {})
        return house.request("POST", f"/v1/clients/{client_id}/sessions", content=body, headers=headers)

    return raw


def told(answer):
    assert answer.status_code == 422, answer.text
    return [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]


def test_unknown_field_is_refused_and_named(record):
    answer = record(mood=MARK)
    assert told(answer) == [("/mood", "extra_forbidden")]
    assert MARK not in answer.text


def test_unknown_field_inside_is_refused_and_named(record):
    answer = record(emotions=[{"name": "joy", "intensity": 3, "valence": "positive", "colour": MARK}])
    assert told(answer) == [("/emotions/0/colour", "extra_forbidden")]


def test_every_fault_is_told_at_once(record):
    assert told(record(duration_min=0, modality="telepathy", summary="")) == [
        ("/duration_min", "greater_than_equal"),
        ("/modality", "enum"),
        ("/summary", "string_too_short"),
    ]


def test_missing_fields_are_named(clinician, client_id):
    answer = clinician.post(f"/v1/clients/{client_id}/sessions", {})
    assert ("/took_place", "missing") in told(answer)


def test_a_list_is_not_called_too_short_for_an_entry_that_was_refused(clinician):
    answer = clinician.post("/v1/clients", {"names": [{"family": "x" * 201, "given": ""}], "birth_date": "1990-01-01"})
    assert [fault[0] for fault in told(answer)] == ["/names/0/family"]
    none = clinician.post("/v1/clients", {"names": [], "birth_date": "1990-01-01"})
    assert told(none) == [("/names", "too_short")]


def test_the_values_that_would_do_are_told_as_they_are_sent(clinician, client_id):
    answer = clinician.post(f"/v1/clients/{client_id}/diagnoses", {"code": "F33.1", "status": MARK})
    (fault,) = answer.json()["errors"]
    assert fault["message"] == "must be 'provisional', 'confirmed', 'resolved' or 'ruled_out'"


@pytest.mark.parametrize("value", ["50", 50.0, True, None, [50], "fifty"])
def test_numbers_are_not_guessed_from_other_things(record, value):
    assert told(record(duration_min=value))[0][0] == "/duration_min"


@pytest.mark.parametrize(
    ("instant", "zone", "code", "pointer"),
    [
        ("2026-03-04T11:00:00", "Europe/Berlin", "zoneless_time", "/took_place/instant"),
        ("2026-03-02 10:00:00+01:00", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("2026-02-30T10:00:00+01:00", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("2026-03-02T25:00:00+01:00", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("2026-03-02T10:00:00+05:00", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("2026-03-29T02:30:00+01:00", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("1626-03-02T10:00:00+00:53", "Europe/Berlin", "impossible_time", "/took_place/instant"),
        ("2126-03-02T10:00:00+01:00", "Europe/Berlin", "impossible_time", "/took_place"),
        ("2026-03-04T11:00:00+01:00", "Europe/Atlantis", "unknown_zone", "/took_place/zone"),
        ("2026-03-04T11:00:00+01:00", "../../etc/passwd", "unknown_zone", "/took_place/zone"),
    ],
)
def test_impossible_times_are_refused(record, instant, zone, code, pointer):
    answer = record(took_place={"instant": instant, "zone": zone})
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]
    assert instant not in answer.text


def test_moment_that_was_read_can_be_sent_back(clinician, client_id):
    location = clinician.new_session(client_id)
    content = clinician.get(location).json()["content"]
    assert clinician.put(location, content, If_Match='"1"').status_code == 200


def test_moment_whose_two_clocks_disagree_is_refused(record):
    both = {"instant": "2026-03-02T09:00:00Z", "local": "2026-03-02T11:00:00+01:00", "zone": "Europe/Berlin"}
    assert told(record(took_place=both)) == [("/took_place/local", "impossible_time")]


@pytest.mark.parametrize("text", ["a\x00b", "\x00"])
def test_nul_characters_are_refused(record, text):
    assert told(record(summary=f"{MARK}{text}"))[0][0] == "/summary"


def test_draft_keeps_what_a_session_would_refuse(clinician, client_id):
    path, content = f"/v1/drafts/{uuid4()}", {"summary": "a\x00b", "duration_min": "fif", "": [None, {"x": -1.5e300}]}
    assert clinician.put(path, {"client_id": client_id, "content": content}).status_code == 204
    assert clinician.get(path).json()["content"] == content


def test_draft_with_a_number_beyond_measure_is_refused(clinician, client_id):
    answer = clinician.put(f"/v1/drafts/{uuid4()}", {"client_id": client_id, "content": {"x": 10**30}})
    assert told(answer) == [("/content", "invalid")]


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e400", "[1e400]", '{"deep": [NaN]}'])
def test_draft_with_a_number_that_is_none_is_refused(house, clinician, client_id, number):
    body = f'{{"client_id": "{client_id}", "content": {{"x": {number}}}}}'.encode()
    headers = clinician.headers() | {"Content-Type": "application/json"}
    answer = house.request("PUT", f"/v1/drafts/{uuid4()}", content=body, headers=headers)
    assert told(answer) == [("/content", "invalid")]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"summary": "\xff\xfe"}',
        b'{"summary": "\\ud800"}',
        b'\xef\xbb\xbf{"summary": 1}',
        b'{"summary": NaN}',
        b"[" * 100_000,
        b'{"a":' * 10_000,
        b"\x00",
    ],
    ids=[
        "empty",
        "cut off",
        "not UTF-8",
        "half a surrogate",
        "byte order mark",
        "not a number",
        "deep",
        "deeper",
        "NUL",
    ],
)
def test_what_is_no_json_is_refused(send, body):
    answer = send(body)
    assert answer.status_code == 422, answer.text
    assert answer.json()["code"] in ("json_invalid", "fields_invalid")


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_json_that_is_no_object_is_refused(send, body):
    assert told(send(body))[0][0] == ""


@pytest.mark.parametrize("number", [10**30, -(10**400), 1e400])
def test_numbers_without_measure_are_refused(send, number):
    body = json.dumps(CONTENT | {"duration_min": 0}).replace(": 0", f": {number}").encode()
    assert send(body).status_code == 422


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/json; charset=latin-1",
        "application/merge-patch+json",
        "multipart/form-data; boundary=x",
    ],
)
def test_other_media_types_are_refused(send, content_type):
    answer = send(json.dumps(CONTENT).encode(), content_type)
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_json_in_any_spelling_of_its_name_is_taken(send, content_type):
    assert send(json.dumps(CONTENT).encode(), content_type).status_code == 201


def test_body_over_the_limit_is_refused_by_its_stated_length(record):
    answer = record(summary="x" * 10_000_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    assert answer.json()["facts"] == {"limit_bytes": str(1024 * 1024)}


def test_body_without_a_stated_length_is_refused_as_soon_as_it_is_too_long(send):
    taken = 0

    def stream():
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b"x" * 100_000

    assert send(stream()).status_code == 413


def test_long_text_within_the_limit_is_taken(record):
    assert record(summary="ä" * 100_000).status_code == 201


@pytest.mark.parametrize(
    ("path", "pointer", "code"),
    [
        ("/v1/sessions/not-an-id", "session_id", "uuid_parsing"),
        ("/v1/sessions/%00", "session_id", "uuid_parsing"),
        ("/v1/audit/mine?limit=0", "limit", "greater_than_equal"),
        ("/v1/audit/mine?limit=100000", "limit", "less_than_equal"),
        ("/v1/audit/mine?limit=ten", "limit", "int_parsing"),
        ("/v1/audit/mine?since=2026-03-02", "since", "impossible_time"),
        ("/v1/audit/mine?since=1700000000", "since", "impossible_time"),
        ("/v1/audit/mine?since=2026-03-02T10:00:00", "since", "impossible_time"),
        ("/v1/audit/mine?action=%00", "action", "string_pattern_mismatch"),
        ("/v1/audit/mine?outcome=perhaps", "outcome", "enum"),
        ("/v1/audit/mine?colour=red", "colour", "extra_forbidden"),
        ("/v1/audit/mine?limit=1&limit=2", "limit", "repeated"),
        ("/v1/audit/mine?action=%ff", "", "query_invalid"),
        ("/v1/me?verbose=1", "verbose", "extra_forbidden"),
    ],
)
def test_parameters_that_cannot_be_right_are_named(clinician, path, pointer, code):
    assert told(clinician.get(path)) == [(pointer, code)]


def test_a_period_that_ends_before_it_begins_is_blamed_on_the_parameter(clinician, client_id):
    period = "since=2026-03-02T10:00:00Z&until=2026-03-01T10:00:00Z"
    for path in ("/v1/audit/mine", f"/v1/clients/{client_id}/journey"):
        (fault,) = clinician.get(f"{path}?{period}").json()["errors"]
        assert (fault["location"], fault["pointer"], fault["code"]) == ("query", "until", "impossible_time")


def test_one_character_is_one(clinician):
    answer = clinician.post("/v1/clients/lookup", {"family_name": "", "birth_date": "1990-01-01"})
    assert [fault["message"] for fault in answer.json()["errors"]] == ["must have at least 1 character"]


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Read-After", "-1"),
        ("Read-After", "soon"),
        ("Read-After", "1" * 30),
    ],
)
def test_headers_that_cannot_be_right_are_named(clinician, header, value):
    assert told(clinician.get("/v1/me", **{header: value})) == [(header, "header_invalid")]


@pytest.mark.parametrize("key", ["", "two words", "x" * 201, "schlüssel".encode("latin-1")])
def test_idempotency_keys_that_cannot_be_right_are_refused(house, clinician, key):
    answer = house.request("POST", "/v1/clients", json={}, headers={**clinician.headers(), "Idempotency-Key": key})
    assert told(answer) == [("Idempotency-Key", "header_invalid")]


@given(
    junk=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
        max_leaves=12,
    )
)
def test_whatever_is_sent_is_answered_without_a_fault_of_ours(house, clinician, junk):
    body = json.dumps(junk).encode()
    headers = clinician.headers() | {"Content-Type": "application/json"}
    answer = house.request("POST", "/v1/clients", content=body, headers=headers)
    assert answer.status_code == 422


@given(body=st.binary(max_size=200))
def test_whatever_bytes_are_sent_are_answered_without_a_fault_of_ours(house, clinician, body):
    headers = clinician.headers() | {"Content-Type": "application/json"}
    answer = house.request("POST", "/v1/clients/lookup", content=body, headers=headers)
    assert answer.status_code == 422
