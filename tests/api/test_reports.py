"""Reports in the background over HTTP: asked for, looked after, read by their requester."""

from uuid import uuid4

import pytest

from domain.ports.call import Role
from ops.jobs.reports import make_report, sweep_reports

WANTED = {"format": "application/json"}


def refused(answer, status, code):
    return (answer.status_code, answer.json()["code"]) == (status, code)


def asked(user, client_id, **more):
    """The place of a new report, and its id."""
    answer = user.post(f"/v1/clients/{client_id}/reports", WANTED | more)
    assert answer.status_code == 201, answer.text
    return answer.headers["Location"], answer.json()["id"]


@pytest.mark.parametrize("user", ["operator", "officer", "engineer"])
def test_who_does_not_treat_has_no_reports(request, user, client_id):
    caller = request.getfixturevalue(user)
    assert refused(caller.post(f"/v1/clients/{client_id}/reports", WANTED), 403, "role_not_permitted")
    for path in ("/v1/reports", f"/v1/reports/{uuid4()}", f"/v1/reports/{uuid4()}/result"):
        assert refused(caller.get(path), 403, "role_not_permitted")


def test_only_the_care_team_asks_and_only_the_requester_reads(house, clinician, colleague, client_id):
    path = f"/v1/clients/{client_id}/reports"
    assert refused(colleague.post(path, WANTED), 403, "outside_care_team")
    assert refused(clinician.post(f"/v1/clients/{uuid4()}/reports", WANTED), 404, "client_not_found")
    place, report_id = asked(clinician, client_id)
    make_report(house.system, report_id)
    for address in (place, f"{place}/result"):
        assert refused(colleague.get(address), 404, "report_not_found")
    assert colleague.get("/v1/reports").json()["items"] == []


def test_a_report_is_asked_for_made_and_read(house, clinician, client_id):
    clinician.new_session(client_id)
    place, report_id = asked(clinician, client_id, by="month", look_back="3m")
    told = clinician.get(place).json()
    assert (told["state"], told["finished_at"], told["client_id"]) == ("queued", None, client_id)
    assert refused(clinician.get(f"{place}/result"), 409, "report_not_ready")
    assert make_report(house.system, report_id) == 1
    told = clinician.get(place).json()
    assert (told["state"], told["failure"], told["format"]) == ("ready", "", "application/json")
    result = clinician.get(f"{place}/result")
    assert result.headers["content-type"] == "application/json"
    assert result.json()["client_id"] == client_id
    assert result.json()["by"] == "month"
    assert told in clinician.get("/v1/reports").json()["items"]


def test_what_was_written_before_it_was_asked_for_is_in_it(house, clinician, client_id):
    session = clinician.new_session(client_id)
    place, report_id = asked(clinician, client_id, since="2026-01-01T00:00:00Z")
    assert make_report(house.system, report_id) == 1
    told = clinician.get(f"{place}/result").json()
    assert session.rpartition("/")[2] in {source["id"] for source in told["sources"]}


def test_a_pdf_comes_as_such_and_in_no_other_form(house, clinician, client_id):
    place, report_id = asked(clinician, client_id, format="application/pdf")
    make_report(house.system, report_id)
    result = house.http.get(f"{place}/result", headers=clinician.headers())
    assert result.headers["content-type"] == "application/pdf"
    assert result.content.startswith(b"%PDF-")
    assert "Okonkwo" not in result.headers["content-disposition"]
    assert refused(clinician.get(f"{place}/result", Accept="application/json"), 406, "not_acceptable")


def test_asking_again_with_the_same_key_makes_one_report(clinician, client_id):
    key, path = f"report-{uuid4()}", f"/v1/clients/{client_id}/reports"
    first = clinician.post(path, WANTED, Idempotency_Key=key)
    again = clinician.post(path, WANTED, Idempotency_Key=key)
    other = clinician.post(path, WANTED | {"by": "week"}, Idempotency_Key=key)
    assert first.headers["Location"] == again.headers["Location"]
    assert again.headers["Idempotency-Replayed"] == "true"
    assert refused(other, 409, "idempotency_key_reused")


def test_leaving_the_care_team_closes_the_reports(house, clinician, client_id):
    member = house.account(Role.CLINICIAN)
    team = f"/v1/clients/{client_id}/care-team/{member.id}"
    clinician.put(team, {"relation": "clinician"})
    place, report_id = asked(member, client_id)
    later, later_id = asked(member, client_id)
    make_report(house.system, report_id)
    assert member.get(f"{place}/result").status_code == 200
    clinician.delete(team)
    assert refused(member.get(f"{place}/result"), 403, "outside_care_team")
    assert make_report(house.system, later_id) == 0
    assert refused(member.get(later), 403, "outside_care_team")


def test_what_the_queue_lost_the_sweep_finds(house, clinician, client_id):
    place, _ = asked(clinician, client_id)
    assert sweep_reports(house.system) >= 1
    assert clinician.get(place).json()["state"] == "ready"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "fields_invalid"),
        ({"format": "text/html"}, "fields_invalid"),
        ({"format": "application/json", "by": "fortnight"}, "fields_invalid"),
        ({"format": "application/json", "look_back": "-3d"}, "look_back_not_understood"),
        ({"format": "application/json", "look_back": "5 weeks"}, "look_back_not_understood"),
        ({"format": "application/json", "since": "2026-01-01"}, "fields_invalid"),
        ({"format": "application/json", "since": "2026-01-01T00:00:00"}, "zoneless_time"),
        ({"format": "application/json", "since": "2026-02-30T00:00:00Z"}, "impossible_time"),
        (
            {"format": "application/json", "since": "2026-03-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"},
            "period_not_possible",
        ),
        ({"format": "application/json", "since": "2026-01-01T00:00:00Z", "look_back": "6m"}, "period_not_possible"),
    ],
)
def test_reports_that_cannot_be_are_refused(clinician, client_id, body, code):
    assert refused(clinician.post(f"/v1/clients/{client_id}/reports", body), 422, code)
