"""Retention: policies as data, what they say of a client, and the sweep that sees to it."""

import json
from datetime import date, timedelta
from importlib import resources
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from adapters.event_store.unsealed import SystemRecord
from adapters.keys.tables import keys
from adapters.views.tables import audit_clients, audit_entries
from domain.errors import Erased
from domain.model.erasure import ErasureState
from domain.model.legal_hold import HoldBasis
from domain.ports.keys import RecordClass
from domain.retention.policies import (
    KEPT,
    Early,
    Policies,
    RetentionPolicyInvalid,
    default_policies,
    latest_birth,
    years_after,
)
from ops.bootstrap import Part, build
from ops.erasing import retention
from tests.erasure.kit import CLINICIAN, HOST, OFFICER, Practice, call_of, found

ADULT = date(1980, 1, 1)


def document(**changed):
    """The policies that come along, as JSON, with some fields of some classes changed."""
    whole = json.loads(resources.files("domain.retention").joinpath("policies.json").read_text())
    whole["classes"] = [entry | changed.get(entry["class"].replace("-", "_"), {}) for entry in whole["classes"]]
    return whole | {key: value for key, value in changed.items() if key in whole}


def policies(**changed) -> Policies:
    return Policies.parse(json.dumps(document(**changed)))


def test_an_adults_record_is_kept_seven_years_after_the_last_entry():
    verdict = default_policies().verdict(RecordClass.JOURNAL, date(2026, 3, 2), ADULT)
    assert (verdict.kept_until, verdict.gone_from) == (date(2033, 3, 2), None)


def test_a_childs_record_is_kept_three_years_beyond_coming_of_age():
    verdict = default_policies().verdict(RecordClass.JOURNAL, date(2026, 3, 2), date(2020, 6, 1))
    assert verdict.kept_until == date(2041, 6, 1)


def test_psychotherapy_notes_have_no_minimum():
    verdict = default_policies().verdict(RecordClass.NOTES, date(2026, 3, 2), ADULT)
    assert verdict.kept_until == date(2026, 3, 2)


def test_nothing_clinical_goes_by_itself_unless_the_practice_says_so():
    defaults = default_policies()
    assert defaults.early is Early.REFUSE
    assert {each for each, policy in defaults.classes.items() if policy.maximum_years is not None} == {
        RecordClass.AUDIT
    }


@given(
    last=st.dates(date(1950, 1, 1), date(2100, 1, 1)),
    born=st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    least=st.integers(0, 40),
    more=st.integers(0, 40),
    after=st.integers(0, 10),
)
def test_a_record_never_goes_before_it_may(last, born, least, more, after):
    journal = {"minimum_years": least, "maximum_years": least + more, "minimum_years_after_majority": after}
    verdict = policies(journal=journal).verdict(RecordClass.JOURNAL, last, born)
    assert verdict.gone_from >= verdict.kept_until >= last
    assert verdict.kept_until >= years_after(last, least)
    if last < years_after(born, 18):
        assert verdict.kept_until >= years_after(years_after(born, 18), after)


@pytest.mark.parametrize(
    ("known", "latest"),
    [("1984-05-17", date(1984, 5, 17)), ("1984-05", date(1984, 6, 1)), ("1984-12", date(1985, 1, 1)),
     ("1984", date(1984, 12, 31)), ("", None)],
)  # fmt: skip
def test_of_a_birth_date_known_in_part_the_latest_day_counts(known, latest):
    assert latest_birth(known) == latest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "has early"),
        (json.dumps(document(early="perhaps")), "refuse or defer"),
        (json.dumps(document(journal={"minimum_years": -1})), "whole number"),
        (json.dumps(document(journal={"minimum_years": True})), "whole number"),
        (json.dumps(document(journal={"maximum_years": 2})), "shorter than the minimum"),
        (json.dumps(document(journal={"class": "measures"})), "missing: journal"),
        (json.dumps(document(journal={"class": "mac"})), "no such class"),
        (json.dumps(document(journal={"basis": ""})), "says why"),
        (json.dumps(document(journal={"more": 1})), "A class has"),
    ],
)
def test_a_policy_that_contradicts_itself_is_refused_and_says_where(text, said):
    with pytest.raises(RetentionPolicyInvalid, match=said):
        Policies.parse(text)


def test_each_class_is_spoken_of():
    assert set(default_policies().classes) == KEPT
    assert all(policy.citation for policy in default_policies().classes.values())


# The sweep ----------------------------------------------------------------------------------------------------------


def opened_with(tmp_path, urls, **changed):
    """A deployment whose policy lets go at once of what the test says."""
    policy = tmp_path / "policy.json"
    policy.write_text(json.dumps(document(**changed)))
    return found(tmp_path / "deployment", urls, ANAMNESIS_RETENTION_POLICY=str(policy))


AT_ONCE = {"minimum_years": 0, "minimum_years_after_majority": 0, "maximum_years": 0}


def later(practice: Practice, days: int):
    """A call of the worker's, so many days from now."""
    from dataclasses import replace

    call = call_of(practice.system, HOST)
    return replace(call, at=call.at + timedelta(days=days))


def test_a_class_past_its_time_goes_and_the_others_stay(tmp_path, database_urls):
    settings = opened_with(tmp_path, database_urls, identity=AT_ONCE)
    with build(settings, parts=Part.API) as system:
        practice = Practice(settings, system)
        client_id = practice.new_client()
        service = retention(system)
        plan = service.plan(later(practice, 2))
        assert [(ending.client_id, ending.classes) for ending in plan.endings] == [(client_id, (RecordClass.IDENTITY,))]
        (asked,) = service.sweep(later(practice, 2))
        assert practice.erasing().carry_out(later(practice, 3), asked).state is ErasureState.COMPLETED
        with pytest.raises(Erased):
            system.services.clients.identity(practice.by(CLINICIAN), client_id)
        system.services.clients.read(practice.by(CLINICIAN), client_id)
        assert not service.plan(later(practice, 2)).endings


def test_when_all_classes_are_past_their_time_the_whole_record_goes(tmp_path, database_urls):
    settings = opened_with(tmp_path, database_urls, identity=AT_ONCE, journal=AT_ONCE)
    with build(settings, parts=Part.API) as system:
        practice = Practice(settings, system)
        client_id = practice.new_client()
        (asked,) = retention(system).sweep(later(practice, 2))
        erasure = practice.erasing().carry_out(later(practice, 3), asked)
        assert erasure.whole
        assert system.services.erasures.of_client(practice.by(OFFICER), client_id)[0].state == "completed"
        assert not retention(system).sweep(later(practice, 3))


def test_a_hold_keeps_what_is_past_its_time_and_the_audit_of_everybody(tmp_path, database_urls):
    settings = opened_with(tmp_path, database_urls, journal=AT_ONCE, identity=AT_ONCE)
    with build(settings, parts=Part.API) as system:
        practice = Practice(settings, system)
        client_id = practice.new_client()
        hold_id = uuid4()
        system.services.holds.place(practice.by(OFFICER), hold_id, client_id, HoldBasis.AUDIT, "")
        plan = retention(system).plan(later(practice, 7 * 366))
        assert [ending.held for ending in plan.endings] == [True]
        assert plan.audit_keys
        assert plan.audit_held
        assert not retention(system).sweep(later(practice, 7 * 366))
        assert set(plan.audit_keys) <= living_audit_keys(system)
        system.services.holds.lift(practice.by(OFFICER), hold_id)
        assert len(retention(system).sweep(later(practice, 7 * 366))) == 1


def living_audit_keys(system):
    query = select(keys.c.id).where(keys.c.key_class == "audit", keys.c.wrapped.is_not(None))
    with system.databases.keys.connect() as connection:
        return set(connection.execute(query).scalars())


def test_the_audit_trail_ends_after_its_years_and_the_log_says_so(practice):
    practice.new_client()
    service = retention(practice.system)
    assert not service.plan(later(practice, 5 * 365)).audit_keys
    plan = service.plan(later(practice, 7 * 366))
    assert set(plan.audit_keys) <= living_audit_keys(practice.system)
    service.sweep(later(practice, 7 * 366))
    assert not set(plan.audit_keys) & living_audit_keys(practice.system)
    log = practice.system.recorder.read_log(0, 10_000)
    records = [event for row in log if isinstance(event := practice.system.mapper.to_event(row), SystemRecord)]
    (record,) = [each for each in records if each.kind == "system.audit_keys_destroyed"]
    assert set(record.facts["keys"]) == {str(each) for each in plan.audit_keys}
    practice.new_client()  # the trail goes on under new keys


def test_what_the_audit_view_shows_goes_with_the_keys_of_its_day(practice):
    practice.new_client()
    system = practice.system
    system.runner().catch_up()
    assert rows_of_audit(system) > (0, 0)
    retention(system).sweep(later(practice, 7 * 366))
    assert rows_of_audit(system) == (0, 0)
    assert not retention(system).plan(later(practice, 5 * 365)).audit_keys
    system.runner().catch_up()  # and what was recorded since is shown
    assert rows_of_audit(system) != (0, 0)


def rows_of_audit(system):
    with system.databases.views.connect() as connection:
        return tuple(
            connection.scalar(select(func.count()).select_from(table)) for table in (audit_entries, audit_clients)
        )
