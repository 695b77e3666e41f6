"""Carries one erasure out in a process of its own, to be killed at any moment: settings folder, erasure id."""

import os
import sys
from pathlib import Path
from uuid import UUID

from ops.bootstrap import Part, build
from ops.erasing import erasing
from ops.settings import Settings
from tests.erasure.kit import HOST, call_of


def main() -> None:
    settings = Settings.load(dict(os.environ))
    with build(settings, parts=Part.WORKER) as system:
        service = erasing(system)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        service.carry_out(call_of(system, HOST), UUID(sys.argv[1]))
        sys.stdout.write("done\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
