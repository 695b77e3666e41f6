"""Background work that waits until somebody takes it, and a printer of plain text."""

from domain.errors import QueueUnavailable
from domain.ports.pictures import Heading
from domain.progress.report import Report


class InMemoryQueue:
    """A Queue. `away` true is a queue that can't be reached."""

    def __init__(self) -> None:
        self.away = False
        self.jobs: dict[str, tuple[str, ...]] = {}

    def put(self, job: str, *arguments: str, job_id: str = "") -> str:
        if self.away:
            raise QueueUnavailable(job=job)
        name = job_id or f"{job}:{len(self.jobs)}"
        self.jobs.setdefault(name, (job, *arguments))
        return name

    def healthy(self) -> bool:
        return not self.away


class InMemoryPrinter:
    """A ReportPrinter for tests that ask whose report was printed, not how it looks."""

    def pdf(self, report: Report, heading: Heading) -> bytes:
        return f"%PDF {heading.client_name} {report.since:%F} {report.until:%F}".encode()
