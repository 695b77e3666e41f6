import json
from io import StringIO

import pytest
from rich.console import Console

from domain.errors import StoreUnavailable
from ops.checks.finding import Finding, State
from ops.commands.doctor import _show
from ops.console import JsonVoice, TerminalVoice, voice
from ops.demo_welcome import welcome
from ops.samples.people import PEOPLE, password
from ops.settings import Settings


class Terminal(TerminalVoice):
    """A terminal of a given width that remembers what it showed."""

    def __init__(self, width: int = 80) -> None:
        super().__init__()
        self.shown = StringIO()
        self.out = self.err = Console(file=self.shown, width=width, force_terminal=False, highlight=False)

    @property
    def text(self) -> str:
        return self.shown.getvalue()


def sign_ins() -> list[dict[str, str]]:
    return [
        {"who": person.key, "role": person.role.value, "login": person.login, "password": password()}
        for person in PEOPLE
    ]


@pytest.mark.parametrize("width", [72, 80, 120, 200])
def test_a_password_is_shown_whole_on_any_terminal(width: int) -> None:
    terminal, told = Terminal(width), sign_ins()

    welcome(terminal, Settings.load({}), told, fresh=True, seconds=3.2)

    for one in told:
        assert one["login"] in terminal.text
        assert one["password"] in terminal.text
    assert "…" not in terminal.text


def test_a_script_is_told_the_same_as_one_json_object(capsys: pytest.CaptureFixture[str]) -> None:
    told = sign_ins()

    welcome(JsonVoice(), Settings.load({}), told, fresh=False, seconds=3.24)

    line = json.loads(capsys.readouterr().out)
    assert (line["address"], line["seconds"], line["fresh"]) == ("http://127.0.0.1:8000", 3.2, False)
    assert line["sign_ins"] == told


def test_an_account_that_was_disabled_shows_no_password() -> None:
    terminal, told = Terminal(), sign_ins()
    told[0]["password"] = ""

    welcome(terminal, Settings.load({}), told, fresh=True, seconds=1)

    assert "disabled" in terminal.text


def test_what_is_broken_is_shown_with_its_code_and_how_to_mend_it() -> None:
    terminal = Terminal()

    _show(
        terminal,
        [
            Finding(part="python", text="Python 3.11."),
            Finding(part="redis", state=State.WARNING, code="redis_down", text="Down.", mend="Start Redis."),
            Finding(part="root key", state=State.BROKEN, code="root_key_missing", text="[red]?", mend="Restore it."),
            Finding(part="worker", state=State.SKIPPED, code="skipped", text="Not looked at."),
        ],
    )

    assert "✓  python" in terminal.text
    assert "!  redis     Down. (redis_down)" in terminal.text
    assert "✗  root key  [red]? (root_key_missing)" in terminal.text
    assert "→ Restore it." in terminal.text
    assert "1 broken, 1 to look at." in terminal.text


def test_an_error_is_a_sentence_its_code_its_facts_and_a_hint() -> None:
    terminal = Terminal(120)

    terminal.fail(StoreUnavailable("[bold] is not markup here.", database="events"))

    assert "✗ [bold] is not markup here. (store_unavailable)" in terminal.text
    assert "database events" in terminal.text
    assert "anamnesis doctor" in terminal.text


def test_progress_off_a_terminal_is_told_at_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonVoice().track("loading", "Samples", 100) as advance:
        for _ in range(100):
            advance(1)

    done = [json.loads(line)["done"] for line in capsys.readouterr().out.splitlines()]
    assert done == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]


def test_progress_of_nothing_is_no_trouble() -> None:
    with JsonVoice().track("loading", "Samples", 0) as advance:
        advance(0)
    with Terminal().track("loading", "Samples", 0) as advance:
        advance(0)


def test_json_is_for_everything_that_is_no_terminal() -> None:
    assert isinstance(voice(), JsonVoice)
    assert isinstance(voice(as_json=True), JsonVoice)
