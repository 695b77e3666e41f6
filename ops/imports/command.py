"""What `anamnesis import …` does, once its options are read."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from uuid import UUID

from adapters.codes.icd10cm import Icd10Cm
from domain.errors import Invalid
from domain.model import checks
from domain.model.moment import zone_named
from domain.services.exports import FORMAT
from domain.services.imports import ImportService
from ops.console import Voice
from ops.hosting import call_of_host, hosted
from ops.imports.annomi import Conversation, conversations, counted
from ops.imports.conversations import Taking
from ops.imports.faults import Spoilt
from ops.imports.histories import Chronicle, PersonDoc, Replaying, chronicle
from ops.imports.reading import Document, parsed
from ops.imports.reading import document as document_of
from ops.imports.records import Restoring
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


def records(  # noqa: PLR0913 - one argument an option
    speaker: Voice, file: Path, *, login: str | None, source: str | None, all_or_nothing: bool, dry_run: bool
) -> Tally:
    """Raises FileUnreadable, FileEmpty, NotTheFormat, NotAnAuthor, Invalid and what `build` raises."""
    told = parsed(file)
    if isinstance(told, dict) and told.get("format") == FORMAT:
        return _exported(speaker, chronicle(told), login=login, source=source or FORMAT, dry_run=dry_run)
    document = document_of(told)
    named = source or document.source
    check_source(named)
    with hosted() as system:
        service = system.imports()
        restoring = Restoring(
            names=service.names(named),
            accounts=_accounts(service, document),
            default=service.author(login).id if login else None,
            at=system.clock.now(),
            codes=Icd10Cm(),
        )
        with speaker.track("importing", "Clients", len(document.clients)) as advance:
            doing = Import(service, lambda: call_of_host(system), advance)
            return way(doing, all_or_nothing=all_or_nothing, dry_run=dry_run)(_restored(document, restoring))


def _exported(speaker: Voice, told: Chronicle, *, login: str | None, source: str, dry_run: bool) -> Tally:
    """One client, from an export of this product."""
    check_source(source)
    with hosted() as system:
        service = system.imports()

        def here(person: PersonDoc) -> UUID | None:
            with suppress(Invalid):
                return service.author(person.login, disabled=True).id
            return person.id if service.is_account(person.id) else None

        default = service.author(login).id if login else None
        replaying = Replaying(names=service.names(source), accounts=here, default=default)
        with speaker.track("importing", "Clients", 1) as advance:
            doing = Import(service, lambda: call_of_host(system), advance)
            return way(doing, all_or_nothing=False, dry_run=dry_run)(iter([("/", replaying.record(told))]))


def _accounts(service: ImportService, document: Document) -> Mapping[str, UUID]:
    """Those that are here. Who is missing is a fault only where an entry names them."""
    found = {}
    for account in document.accounts:
        with suppress(Invalid):
            found[account.id] = service.author(account.login, disabled=True).id
    return found


def _restored(document: Document, restoring: Restoring) -> Iterator[Item]:
    for one in document.each():
        if isinstance(one, Spoilt):
            yield one.where, one
        else:
            yield one.pointer, restoring.record(one)


def way(doing: Import, *, all_or_nothing: bool, dry_run: bool) -> Callable[[Iterator[Item]], Tally]:
    """How the file is gone through."""
    if dry_run:
        return doing.tried
    return doing.together if all_or_nothing else doing.each


def check_source(source: str) -> None:
    """Raises Invalid."""
    checks.text("source", source, 100, least=1, one_line=True)


def _items(file: Path, counts: Mapping[str, int], taking: Taking) -> Iterator[Item]:
    for one in conversations(file, counts):
        if isinstance(one, Conversation):
            yield f"line {one.line}", taking.record(one)
        else:
            yield one.where, one


def _day(day: date | None, at: datetime, zone: str) -> date:
    today = at.astimezone(zone_named(zone)).date()
    if day is not None and day > today:
        raise DayAhead
    return day or today
