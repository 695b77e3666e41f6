"""What commands say: sentences and progress bars on a terminal, one JSON object a line everywhere else."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Protocol

from domain.errors import AnamnesisError


class Voice(Protocol):
    """Results go to stdout, what went wrong to stderr."""

    terminal: bool

    def say(self, code: str, text: str, **facts: Any) -> None:
        """Something that happened. `code` is stable, for scripts; `text` for people."""

    def warn(self, code: str, text: str, **facts: Any) -> None:
        """Something to look after."""

    def fail(self, error: AnamnesisError) -> None:
        """Why the command ends here, and what to do."""

    def track(self, code: str, text: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Long work of `total` parts; the function it gives is called with how many more are done."""

    def wait(self, text: str) -> AbstractContextManager[object]:
        """Waiting for something that can't be counted: shown on a terminal, and gone afterwards."""


class JsonVoice:
    """One JSON object a line. Progress is reported at each tenth, not at each step."""

    terminal = False

    def say(self, code: str, text: str, **facts: Any) -> None:
        self._write(sys.stdout, {"event": code, "text": text} | facts)

    def warn(self, code: str, text: str, **facts: Any) -> None:
        self._write(sys.stderr, {"event": code, "level": "warning", "text": text} | facts)

    def fail(self, error: AnamnesisError) -> None:
        self._write(
            sys.stderr,
            {"event": "error", "level": "error", "code": error.code, "text": error.detail, "hint": error.hint}
            | {"facts": dict(error.facts)},
        )

    @contextmanager
    def track(self, code: str, text: str, total: int) -> Iterator[Callable[[int], None]]:
        done = tenth = 0

        def advance(count: int) -> None:
            nonlocal done, tenth
            done += count
            if total and done * 10 // total > tenth:
                tenth = done * 10 // total
                self.say(code, text, done=done, total=total)

        self.say(code, text, done=0, total=total)
        yield advance

    def wait(self, text: str) -> AbstractContextManager[object]:  # noqa: ARG002 - scripts see what comes of it
        return nullcontext()

    @staticmethod
    def _write(stream: Any, line: dict[str, Any]) -> None:
        stream.write(json.dumps(line, default=str, ensure_ascii=False) + "\n")
        stream.flush()


class TerminalVoice:
    """Plain sentences with a little colour, and rich's progress bars."""

    terminal = True

    def __init__(self) -> None:
        from rich.console import Console  # noqa: PLC0415 - a quarter of the time `--help` takes

        self.out = Console(highlight=False)
        self.err = Console(stderr=True, highlight=False)

    def say(self, code: str, text: str, **facts: Any) -> None:  # noqa: ARG002 - codes and facts are for scripts
        self.out.print(text, markup=False)

    def warn(self, code: str, text: str, **facts: Any) -> None:  # noqa: ARG002 - as in say
        self.err.print("[yellow]![/]", _plain(text))

    def fail(self, error: AnamnesisError) -> None:
        named = ", ".join(f"{name} {value}" for name, value in error.facts.items() if value)
        self.err.print("[bold red]✗[/]", _plain(error.detail), f"[dim]({error.code})[/]")
        if named:
            self.err.print("  [dim]" + _plain(named) + "[/]")
        if error.hint:
            self.err.print("  " + _plain(error.hint))

    @contextmanager
    def track(self, code: str, text: str, total: int) -> Iterator[Callable[[int], None]]:  # noqa: ARG002 - as in say
        from rich import progress  # noqa: PLC0415 - only long work shows a bar

        columns: list[progress.ProgressColumn] = [
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=32),
            progress.MofNCompleteColumn(),
            progress.TimeElapsedColumn(),
        ]
        with progress.Progress(*columns, console=self.out, transient=True) as bar:
            task = bar.add_task(text, total=total)
            yield lambda count: bar.advance(task, count)

    def wait(self, text: str) -> AbstractContextManager[object]:
        return self.out.status(_plain(text), spinner="dots", spinner_style="dim")


def voice(*, as_json: bool = False) -> Voice:
    """The voice for this process: sentences when stdout is a terminal, unless JSON was asked for."""
    return TerminalVoice() if sys.stdout.isatty() and not as_json else JsonVoice()


def _plain(text: str) -> str:
    """Text that rich shows as it is."""
    return text.replace("[", r"\[")
