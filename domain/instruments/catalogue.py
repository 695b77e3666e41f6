"""The instruments there are: read once, from the JSON files beside this module, one file a version (`phq-9/1.json`)."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from domain.instruments.errors import InstrumentUnknown, InstrumentVersionUnknown
from domain.instruments.instrument import (
    Band,
    Change,
    Citation,
    CriticalItem,
    Instrument,
    Item,
    Proration,
    Response,
)


class Instruments:
    """Every version of every instrument. The current version is the newest that is not retired."""

    def __init__(self, versions: Iterable[Instrument]) -> None:
        self._versions: dict[str, dict[str, Instrument]] = {}
        for version in sorted(versions, key=lambda each: (each.key, int(each.version))):
            self._versions.setdefault(version.key, {})[version.version] = version

    def get(self, key: str, version: str | None = None) -> Instrument:
        """A version, also a retired one; without `version` the current one.

        Raises InstrumentUnknown and InstrumentVersionUnknown, which name what there is.
        """
        versions = self._versions.get(key)
        if versions is None:
            raise InstrumentUnknown(
                f"There is no instrument of this key; there are {', '.join(self._versions)}.",
                field="instrument",
                known=",".join(self._versions),
            )
        if version is None:
            return _current(versions)
        found = versions.get(version)
        if found is None:
            raise InstrumentVersionUnknown(
                f"{key} has no such version; there are {', '.join(versions)}.",
                field="instrument_version",
                instrument=key,
                known=",".join(versions),
            )
        return found

    def current(self) -> tuple[Instrument, ...]:
        """The current version of each, by key."""
        return tuple(_current(versions) for versions in self._versions.values())

    def versions(self, key: str) -> tuple[Instrument, ...]:
        """All versions, oldest first. Raises InstrumentUnknown."""
        self.get(key)
        return tuple(self._versions[key].values())


def instrument(key: str, version: str | None = None) -> Instrument:
    """As `Instruments.get`, of those that come with the product."""
    return published().get(key, version)


def instruments() -> tuple[Instrument, ...]:
    """The current version of each instrument that comes with the product."""
    return published().current()


@cache
def published() -> Instruments:
    """What comes with the product."""
    folder = resources.files("domain.instruments")
    files = [
        file for each in folder.iterdir() if each.is_dir() for file in each.iterdir() if file.name.endswith(".json")
    ]
    return Instruments(read(json.loads(file.read_text(encoding="utf-8"))) for file in files)


def read(data: Mapping[str, Any]) -> Instrument:
    """An instrument from the JSON object of its file. Raises TypeError or KeyError for one that is not whole."""
    scalar = {name: value for name, value in data.items() if not isinstance(value, (list, dict)) and value is not None}
    return Instrument(
        **scalar | {"clinical_cutoff": data["clinical_cutoff"]},
        items=tuple(Item(**item) for item in data["items"]),
        responses=tuple(Response(**response) for response in data["responses"]),
        bands=tuple(Band(**band) for band in data["bands"]),
        proration=Proration(**data["proration"]) if data["proration"] else None,
        change=Change(**data["change"]),
        critical_items=tuple(
            CriticalItem(**critical | {"levels": {int(answer): level for answer, level in critical["levels"].items()}})
            for critical in data["critical_items"]
        ),
        citations=tuple(Citation(**citation) for citation in data["citations"]),
    )


def _current(versions: Mapping[str, Instrument]) -> Instrument:
    standing = [each for each in versions.values() if not each.retired]
    return (standing or list(versions.values()))[-1]
