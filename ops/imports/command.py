"""What `anamnesis import …` does, once its options are read."""

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

from domain.errors import Invalid
from domain.model import checks
from domain.model.moment import zone_named
from ops.console import Voice
from ops.hosting import call_of_host, hosted
from ops.imports.annomi import Conversation, conversations, counted
from ops.imports.conversations import Taking
from ops.imports.run import Import, Item, Tally


class DayAhead(Invalid):
    code = "day_ahead"
    message = "The day of the sessions lies in the future."


def transcripts(  # noqa: PLR0913 - one argument an option
    speaker: Voice,
    file: Path,
    *,
    login: str,
    source: str,
    day: date | None,
    zone: str | None,
    all_or_nothing: bool,
    dry_run: bool,
) -> Tally:
    """Raises FileUnreadable, FileEmpty, NotTheFormat, NotAnAuthor, DayAhead, UnknownZone, Invalid and what `build` raises."""
    check_source(source)
    counts = counted(file)
    with hosted() as system:
        service = system.imports()
        at = system.clock.now()
        where = zone or system.settings.clinic_zone
        taking = Taking(
            names=service.names(source),
            source=source,
            author=service.author(login),
            day=_day(day, at, where),
            zone=where,
            at=at,
        )
        with speaker.track("importing", "Transcripts", len(counts)) as advance:
            doing = Import(service, lambda: call_of_host(system), advance)
            return way(doing, all_or_nothing=all_or_nothing, dry_run=dry_run)(_items(file, counts, taking))


def way(doing: Import, *, all_or_nothing: bool, dry_run: bool) -> Callable[[Iterator[Item]], Tally]:
    """How the file is gone through."""
    if dry_run:
        return doing.tried
    return doing.together if all_or_nothing else doing.each


def check_source(source: str) -> None:
    """Raises Invalid."""
    checks.text("source", source, 100, least=1, one_line=True)


def _items(file: Path, counts: Mapping[str, int], taking: Taking) -> Iterator[Item]:
    for read in conversations(file, counts):
        if isinstance(read, Conversation):
            yield f"line {read.line}", taking.record(read)
        else:
            yield read.where, read


def _day(day: date | None, at: datetime, zone: str) -> date:
    today = at.astimezone(zone_named(zone)).date()
    if day is not None and day > today:
        raise DayAhead
    return day or today
