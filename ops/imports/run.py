"""Writing what was read, several clients side by side, and counting what became of them."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from domain.errors import Erased
from domain.ports.call import Call
from domain.services.imports import ImportedDifferently, ImportedRecord, ImportService, Taken
from ops.imports.faults import Spoilt

Item = tuple[str, ImportedRecord | Spoilt]
"""Where a client begins in the file, and what was read."""
WRITERS: Final = 8
_AHEAD: Final = 4 * WRITERS


@dataclass(slots=True)
class Tally:
    """What became of the clients of a file."""

    written: int = 0
    there_already: int = 0
    spoilt: list[Spoilt] = field(default_factory=list)

    def add(self, became: Taken | Spoilt) -> None:
        match became:
            case Taken.WRITTEN:
                self.written += 1
            case Taken.THERE_ALREADY:
                self.there_already += 1
            case Spoilt():
                self.spoilt.append(became)

    @property
    def whole(self) -> bool:
        return not self.spoilt


class Import:
    """`call` gives a fresh call of the host for each client; `advance` hears of each that is done."""

    def __init__(self, service: ImportService, call: Callable[[], Call], advance: Callable[[int], None]) -> None:
        self._service = service
        self._call = call
        self._advance = advance

    def each(self, items: Iterable[Item]) -> Tally:
        """One append a client: what can be read is written, however the rest reads. Commits are shared by writers."""
        tally = Tally()
        waiting: deque[Future[Taken | Spoilt]] = deque()
        with ThreadPoolExecutor(WRITERS) as pool:
            for where, item in items:
                if isinstance(item, Spoilt):
                    self._count(tally, item)
                    continue
                waiting.append(pool.submit(self._take, where, item))
                if len(waiting) >= _AHEAD:
                    self._count(tally, waiting.popleft().result())
            for one in waiting:
                self._count(tally, one.result())
        return tally

    def together(self, items: Iterable[Item]) -> Tally:
        """One append for all clients; nothing where one of them is spoilt. All are held in memory until then."""
        tally = Tally()
        records = []
        for where, item in items:
            became = item if isinstance(item, Spoilt) else self._look(where, item)
            if isinstance(became, Spoilt):
                tally.add(became)
            elif isinstance(item, ImportedRecord):
                records.append(item)
            self._advance(1)
        if tally.whole:
            for taken in self._service.take_all(self._call(), records):
                tally.add(taken)
        return tally

    def tried(self, items: Iterable[Item]) -> Tally:
        """What `each` would do; nothing is written."""
        tally = Tally()
        for where, item in items:
            self._count(tally, item if isinstance(item, Spoilt) else self._look(where, item))
        return tally

    def _count(self, tally: Tally, became: Taken | Spoilt) -> None:
        tally.add(became)
        self._advance(1)

    def _take(self, where: str, record: ImportedRecord) -> Taken | Spoilt:
        return _told(where, lambda: self._service.take(self._call(), record))

    def _look(self, where: str, record: ImportedRecord) -> Taken | Spoilt:
        return _told(where, lambda: self._service.look(self._call(), record))


def _told(where: str, do: Callable[[], Taken]) -> Taken | Spoilt:
    """What concerns one client alone spoils that client; a store that is down ends the import."""
    try:
        return do()
    except (ImportedDifferently, Erased) as error:
        return Spoilt.by_error(where, error)
