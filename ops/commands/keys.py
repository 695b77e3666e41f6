"""`keys`: the root key files."""

from typing import Annotated

import typer

app = typer.Typer(help="The root keys that everything hangs from.", no_args_is_help=True, rich_markup_mode="rich")


@app.callback()
def _keys() -> None:
    """The root keys that everything hangs from."""


@app.command("create")
def create(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Make the two root key files of a new deployment, readable by their owner alone.

    Refuses where the key database knows roots already: then their files must be restored, not replaced.
    """
    from ops.console import voice
    from ops.founding import create_root_keys
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    for name, path in create_root_keys(Settings.load()):
        speaker.say("root_key_created", f"Made the {name}: {path}", path=path)
    speaker.say(
        "root_keys_need_backup",
        "Keep copies of both somewhere safe and apart from the databases: without them nothing can be read.",
    )
