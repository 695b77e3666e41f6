"""The position of a view: the library's contract, and what readers are told while a view lags or is rebuilt."""

from threading import Thread
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Tracking, TrackingRecorder
from eventsourcing.tests import persistence, projection
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, update

from adapters.db.transactions import write_transaction
from adapters.views.tables import AUDIT, JOURNEY, VIEWS
from adapters.views.tracking import ViewNeedsRebuild, ViewTracking
from domain.errors import ViewBehind

DEPLOYMENT = UUID(int=1)


@pytest.fixture
def tracking(views_engine) -> ViewTracking:
    return ViewTracking(views_engine, DEPLOYMENT, 1, patience_s=0.0)


def built(tracking: ViewTracking, position: int = 0, head: int = 0) -> None:
    with write_transaction(tracking.engine) as connection:
        tracking.claim(connection, VIEWS, head)
        tracking.advance(connection, {view.name: position for view in VIEWS})


class OnSqlite:
    @pytest.fixture
    def database_kind(self) -> str:
        return "sqlite"


class OnPostgresql:
    @pytest.fixture
    def database_kind(self) -> str:
        return "postgresql"


class TestTrackingOnSqlite(OnSqlite, persistence.TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _engine(self, views_engine) -> None:
        self.recorder = ViewTracking(views_engine, DEPLOYMENT, 1)

    def create_recorder(self) -> TrackingRecorder:
        return self.recorder


class TestTrackingOnPostgresql(OnPostgresql, persistence.TrackingRecorderTestCase):
    @pytest.fixture(autouse=True)
    def _engine(self, views_engine) -> None:
        self.recorder = ViewTracking(views_engine, DEPLOYMENT, 1)

    def create_recorder(self) -> TrackingRecorder:
        return self.recorder


COUNTERS = Table("counters", MetaData(), Column("created", Integer), Column("subsequent", Integer))


class Counters(ViewTracking, projection.EventCountersView):
    """A view as the library's users write it, on our tracking: counter and position in one transaction."""

    def __init__(self, engine) -> None:
        super().__init__(engine, DEPLOYMENT, 1)
        with write_transaction(engine) as connection:
            COUNTERS.create(connection)
            connection.execute(insert(COUNTERS).values(created=0, subsequent=0))

    def get_created_event_counter(self) -> int:
        return self._count(COUNTERS.c.created)

    def get_subsequent_event_counter(self) -> int:
        return self._count(COUNTERS.c.subsequent)

    def incr_created_event_counter(self, tracking: Tracking) -> None:
        self._add({"created": COUNTERS.c.created + 1}, tracking)

    def incr_subsequent_event_counter(self, tracking: Tracking) -> None:
        self._add({"subsequent": COUNTERS.c.subsequent + 1}, tracking)

    def _count(self, column) -> int:
        with self.engine.begin() as connection:
            return connection.scalar(select(column))

    def _add(self, values, tracking: Tracking) -> None:
        with write_transaction(self.engine) as connection:
            connection.execute(update(COUNTERS).values(values))
            self.record(connection, tracking.application_name, tracking.notification_id)


class TestCountersOnSqlite(OnSqlite, projection.EventCountersViewTestCase):
    @pytest.fixture(autouse=True)
    def _engine(self, views_engine) -> None:
        self.engine = views_engine

    def construct_event_counters_view(self) -> projection.EventCountersView:
        return Counters(self.engine)


class TestCountersOnPostgresql(OnPostgresql, projection.EventCountersViewTestCase):
    @pytest.fixture(autouse=True)
    def _engine(self, views_engine) -> None:
        self.engine = views_engine

    def construct_event_counters_view(self) -> projection.EventCountersView:
        return Counters(self.engine)


def test_a_reader_is_told_when_the_view_has_not_reached_its_position(tracking) -> None:
    built(tracking, 7)
    tracking.wait_until(JOURNEY, 7)
    with pytest.raises(ViewBehind) as behind:
        tracking.wait_until(JOURNEY, 8)
    assert behind.value.retry_after_s > 0
    assert behind.value.facts == {"view": "journey", "position": "8"}


def test_a_view_that_nobody_began_to_build_is_behind_even_for_readers_that_ask_for_no_position(tracking) -> None:
    with pytest.raises(ViewBehind):
        tracking.wait_until(JOURNEY, 0)


def test_a_view_that_is_being_built_is_behind_until_it_is_whole(tracking) -> None:
    built(tracking, 7, head=8)
    with pytest.raises(ViewBehind):
        tracking.wait_until(JOURNEY, 0)
    built(tracking, 8)
    tracking.wait_until(JOURNEY, 0)


def test_a_waiting_reader_goes_on_when_the_position_is_reached(views_engine) -> None:
    patient = ViewTracking(views_engine, DEPLOYMENT, 1, patience_s=60.0)
    elsewhere = ViewTracking(views_engine, DEPLOYMENT, 1)  # as another process: its announcements don't reach us
    built(patient, 1)
    reached = []
    reader = Thread(target=lambda: reached.append(patient.wait_until(JOURNEY, 2)))
    reader.start()
    built(elsewhere, 2)
    reader.join(60)
    assert reached == [None]


@pytest.mark.parametrize(("deployment", "incarnation"), [(DEPLOYMENT, 2), (uuid4(), 1)])
def test_a_view_of_another_log_is_neither_read_nor_written(tracking, views_engine, deployment, incarnation) -> None:
    built(tracking, 7)
    restored = ViewTracking(views_engine, deployment, incarnation)
    with pytest.raises(ViewNeedsRebuild) as needs:
        restored.wait_until(JOURNEY, 1)
    assert needs.value.code == "view_needs_rebuild"
    with pytest.raises(ViewNeedsRebuild):
        built(restored, 8)
    restored.reset(VIEWS, 0)
    restored.wait_until(JOURNEY, 0)
    with pytest.raises(ViewNeedsRebuild):
        tracking.wait_until(JOURNEY, 0)


def test_resetting_one_view_leaves_the_others(tracking) -> None:
    built(tracking, 7)
    tracking.reset([AUDIT], 7)
    tracking.wait_until(JOURNEY, 7)
    with pytest.raises(ViewBehind):
        tracking.wait_until(AUDIT, 0)


def test_a_position_never_goes_back(tracking) -> None:
    tracking.insert_tracking(Tracking("journey", 5))
    with pytest.raises(IntegrityError):
        tracking.insert_tracking(Tracking("journey", 4))
    assert tracking.max_tracking_id("journey") == 5
