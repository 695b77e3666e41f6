"""Which revisions this release knows and which one a database is at, found without Alembic: every process asks at its
start, and Alembic would cost it twelve megabytes that it never uses again.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final, Literal

from sqlalchemy import Column, Engine, MetaData, String, Table, inspect, select

Chain = Literal["events", "keys", "views"]
CHAINS: Final[tuple[Chain, ...]] = ("events", "keys", "views")

_FILE: Final = re.compile(r"r(\d{4})_\w+\.py")


def folder(chain: Chain) -> Path:
    """Where the chain's revisions lie, each a file `r<revision>_<name>.py`."""
    return Path(__file__).parent / chain


def version_table(chain: Chain) -> str:
    """The table in which Alembic notes the revision of a database."""
    return f"alembic_{chain}"


@cache
def known(chain: Chain) -> tuple[str, ...]:
    """All revisions of this release, oldest first."""
    return tuple(sorted(found[1] for file in folder(chain).iterdir() if (found := _FILE.fullmatch(file.name))))


def head(chain: Chain) -> str:
    """The newest revision of this release."""
    return known(chain)[-1]


def current(engine: Engine, chain: Chain) -> str | None:
    """The revision a database is at; None when no migration has run. Raises what the driver raises."""
    table = Table(version_table(chain), MetaData(), Column("version_num", String(32)))
    with engine.connect() as connection:
        if not inspect(connection).has_table(table.name):
            return None
        return connection.execute(select(table.c.version_num)).scalar_one_or_none()
