"""Back-ups of a practice, and the empty databases that they are restored into."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ops.backup.manifest import Manifest
from ops.backup.places import place_at
from ops.backup.planning import Wish
from ops.backup.restoring import Restored, restore
from ops.backup.taking import Taken, take
from ops.bootstrap import Part, build
from ops.hosting import call_of_host
from ops.settings import Settings
from tests.conftest import DatabaseUrls
from tests.erasure.kit import Practice


@dataclass
class Vault:
    """Two places, one for events and one for keys."""

    folder: Path

    @property
    def events(self) -> str:
        return str(self.folder / "events")

    @property
    def keys(self) -> str:
        return str(self.folder / "keys")

    def take(self, practice: Practice) -> tuple[Taken, Taken]:
        """Events first, keys afterwards."""
        system = practice.system
        call = call_of_host(system)
        events, keys = (
            take(system, call, what, place_at(address)[0])
            for what, address in (("events", self.events), ("keys", self.keys))
        )
        return events, keys

    def wish(self, **kwargs) -> Wish:
        return Wish(**{"events": self.events, "keys": self.keys, **kwargs})

    def newest(self, what: str) -> tuple[Path, Manifest]:
        place, _ = place_at(self.events if what == "events" else self.keys)
        name = place.names()[-1]
        return Path(place.address) / name, Manifest.decoded(place.manifest(name))


def elsewhere(settings: Settings, urls: DatabaseUrls) -> Settings:
    """The same deployment, its databases at other addresses."""
    return replace(settings, events_url=urls.events, keys_url=urls.keys, views_url=urls.views)


def restored(settings: Settings, wish: Wish, told=lambda _stage: None) -> Restored:
    return restore(settings, wish, call_of_host, told)


@contextmanager
def running(settings: Settings) -> Iterator[Practice]:
    """The deployment as an API process would start it."""
    with build(settings, parts=Part.API) as system:
        yield Practice(settings, system)
