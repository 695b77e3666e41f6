"""The contract suites of the eventsourcing library, on both databases.

Left out, each for its reason:

- `persistence.TranscoderTestCase`: it examines the library's JSON transcoder, which our factory hands out as it is; the
  product's own events go through a codec of ours with tests of its own.
- `projection.TaggedDecisionCountersProjectionTestCase`: needs a recorder of dynamic consistency boundaries
  (`eventsourcing.dcb`), another model of storage that the product doesn't use.
- `persistence.AggregateRecorderTestCase` for the log's recorder: it expects an insert to answer None, and ours answers
  positions, as `ApplicationRecorderTestCase` expects; the snapshot recorder passes it.
"""

import threading
from typing import ClassVar

import pytest
from eventsourcing.persistence import InfrastructureFactory, Tracking
from eventsourcing.tests.application import ApplicationTestCase, ExampleApplicationTestCase
from eventsourcing.tests.persistence import (
    AggregateRecorderTestCase,
    ApplicationRecorderTestCase,
    InfrastructureFactoryTestCase,
    NonInterleavingNotificationIDsBaseCase,
    ProcessRecorderTestCase,
    TrackingRecorderTestCase,
)
from eventsourcing.tests.projection import (
    AggregateEventCountersProjectionTestCase,
    EventCountersView,
    EventCountersViewTestCase,
    EventSourcedProjectionTestCase,
)
from eventsourcing.utils import Environment, get_topic
from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select

from adapters.db.engines import write_transaction
from adapters.event_store.factory import AnamnesisFactory
from adapters.event_store.recorder import Recorder
from adapters.event_store.snapshots import SnapshotRecorder
from adapters.event_store.tracking import PositionRecorder


class OnDatabase:
    """Gives a unittest class of the library a new database for each test, through our factory."""

    kind: ClassVar[str]

    @pytest.fixture
    def database_kind(self):
        return self.kind

    @pytest.fixture(autouse=True)
    def use_database(self, database_urls, monkeypatch):
        self.variables = {
            InfrastructureFactory.PERSISTENCE_MODULE: AnamnesisFactory.__module__,
            AnamnesisFactory.EVENTS_URL: database_urls.events,
        }
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        self.factories = []
        self.keep_every_factory(monkeypatch)
        before = set(threading.enumerate())
        yield
        # Some of the library's tests leave their reading threads to end by themselves.
        for thread in set(threading.enumerate()) - before:
            if not thread.daemon:
                thread.join(10)
        for factory in self.factories:
            factory.close()

    def keep_every_factory(self, monkeypatch):
        """The library's tests drop applications without closing them; their connections are closed here."""
        initialise, factories = AnamnesisFactory.__init__, self.factories

        def remembered(factory, env):
            initialise(factory, env)
            factories.append(factory)

        monkeypatch.setattr(AnamnesisFactory, "__init__", remembered)

    def new_factory(self):
        return AnamnesisFactory(Environment(env=self.variables))


class Sqlite(OnDatabase):
    kind = "sqlite"


class Postgresql(OnDatabase):
    kind = "postgresql"


class LogRecorder:
    def create_recorder(self):
        return self.new_factory().process_recorder()


class Snapshots:
    def create_recorder(self):
        return self.new_factory().aggregate_recorder(purpose="snapshots")


class Positions:
    def create_recorder(self):
        return self.new_factory().tracking_recorder()


class TestSnapshotsSqlite(Sqlite, Snapshots, AggregateRecorderTestCase):
    pass


class TestSnapshotsPostgresql(Postgresql, Snapshots, AggregateRecorderTestCase):
    pass


class Subscriptions:
    def test_insert_subscribe(self):
        self.optional_test_insert_subscribe()


class TestApplicationRecorderSqlite(Sqlite, LogRecorder, Subscriptions, ApplicationRecorderTestCase):
    pass


class TestApplicationRecorderPostgresql(Postgresql, LogRecorder, Subscriptions, ApplicationRecorderTestCase):
    pass


class TestTrackingRecorderSqlite(Sqlite, Positions, TrackingRecorderTestCase):
    pass


class TestTrackingRecorderPostgresql(Postgresql, Positions, TrackingRecorderTestCase):
    pass


class TestTrackingOfTheLogRecorderSqlite(Sqlite, LogRecorder, TrackingRecorderTestCase):
    pass


class TestTrackingOfTheLogRecorderPostgresql(Postgresql, LogRecorder, TrackingRecorderTestCase):
    pass


class TestProcessRecorderSqlite(Sqlite, LogRecorder, ProcessRecorderTestCase):
    pass


class TestProcessRecorderPostgresql(Postgresql, LogRecorder, ProcessRecorderTestCase):
    pass


class TestNonInterleavingSqlite(Sqlite, LogRecorder, NonInterleavingNotificationIDsBaseCase):
    pass


class TestNonInterleavingPostgresql(Postgresql, LogRecorder, NonInterleavingNotificationIDsBaseCase):
    pass


class OwnPositions(PositionRecorder):
    """A tracking recorder of an application's own."""


class Factory:
    @pytest.fixture(autouse=True)
    def use_environment(self, use_database):
        self.env = Environment("Application", self.variables)

    def expected_factory_class(self):
        return AnamnesisFactory

    def expected_aggregate_recorder_class(self):
        return Recorder

    def expected_application_recorder_class(self):
        return Recorder

    def expected_tracking_recorder_class(self):
        return PositionRecorder

    def tracking_recorder_subclass(self):
        return OwnPositions

    def expected_process_recorder_class(self):
        return Recorder

    def test_snapshots_have_a_recorder_of_their_own(self):
        assert type(self.factory.aggregate_recorder(purpose="snapshots")) is SnapshotRecorder

    def test_a_factory_without_an_address_says_which_variable_is_missing(self):
        with pytest.raises(OSError, match="APP_ANAMNESIS_EVENTS_URL"):
            AnamnesisFactory(Environment("App", {}))


class TestFactorySqlite(Sqlite, Factory, InfrastructureFactoryTestCase):
    pass


class TestFactoryPostgresql(Postgresql, Factory, InfrastructureFactoryTestCase):
    pass


class ExampleApplication:
    expected_factory_topic = get_topic(AnamnesisFactory)


class TestExampleApplicationSqlite(Sqlite, ExampleApplication, ExampleApplicationTestCase):
    pass


class TestExampleApplicationPostgresql(Postgresql, ExampleApplication, ExampleApplicationTestCase):
    pass


@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")  # the test looks for this warning
class TestApplicationSqlite(Sqlite, ApplicationTestCase):
    pass


@pytest.mark.filterwarnings("always:'log' is deprecated:DeprecationWarning")
class TestApplicationPostgresql(Postgresql, ApplicationTestCase):
    pass


counted = Table("counted_events", MetaData(), Column("created", Integer), Column("subsequent", Integer))


class CountersInTheDatabase(PositionRecorder, EventCountersView):
    """Counts are rows in a table of the test's own, in the transaction of the position."""

    def __init__(self, engine):
        super().__init__(engine)
        counted.create(engine, checkfirst=True)

    def get_created_event_counter(self):
        return self._sum(counted.c.created)

    def get_subsequent_event_counter(self):
        return self._sum(counted.c.subsequent)

    def incr_created_event_counter(self, tracking: Tracking):
        self._count(tracking, created=1, subsequent=0)

    def incr_subsequent_event_counter(self, tracking: Tracking):
        self._count(tracking, created=0, subsequent=1)

    def _count(self, tracking, **values):
        with write_transaction(self._engine) as connection:
            connection.execute(insert(counted).values(values))
            self.track(connection, tracking)

    def _sum(self, column):
        with self._engine.connect() as connection:
            return connection.execute(select(func.coalesce(func.sum(column), 0))).scalar_one()


class Counters:
    def construct_event_counters_view(self):
        return self.new_factory().tracking_recorder(CountersInTheDatabase)


class TestCountersViewSqlite(Sqlite, Counters, EventCountersViewTestCase):
    pass


class TestCountersViewPostgresql(Postgresql, Counters, EventCountersViewTestCase):
    pass


class Projections:
    view_class = CountersInTheDatabase


class TestProjectionSqlite(Sqlite, Projections, AggregateEventCountersProjectionTestCase):
    pass


class TestProjectionPostgresql(Postgresql, Projections, AggregateEventCountersProjectionTestCase):
    pass


class TestEventSourcedProjectionSqlite(Sqlite, EventSourcedProjectionTestCase):
    pass


class TestEventSourcedProjectionPostgresql(Postgresql, EventSourcedProjectionTestCase):
    pass


# pytest collects imported unittest classes too; the library's abstract ones are not tests by themselves.
del AggregateRecorderTestCase, ApplicationRecorderTestCase, InfrastructureFactoryTestCase
del NonInterleavingNotificationIDsBaseCase, ProcessRecorderTestCase, TrackingRecorderTestCase
del AggregateEventCountersProjectionTestCase, EventCountersViewTestCase, EventSourcedProjectionTestCase
del ApplicationTestCase, ExampleApplicationTestCase
