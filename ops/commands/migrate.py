"""`migrate`: bring the three databases to this release."""

from typing import Annotated

import typer


def migrate(as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False) -> None:
    """Create or upgrade the tables of the three databases, and open the log of a new deployment.

    Each database is upgraded whole or not at all. Make a back-up first.
    """
    from ops.console import voice
    from ops.founding import migrate as upgrade_all
    from ops.settings import Settings

    speaker = voice(as_json=as_json)
    for upgrade in upgrade_all(Settings.load()):
        speaker.say(
            "migrated",
            str(upgrade),
            chain=upgrade.chain,
            before=upgrade.before,
            after=upgrade.after,
            applied=list(upgrade.applied),
        )
