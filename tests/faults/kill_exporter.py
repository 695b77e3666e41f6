"""Forks `anamnesis export` to be killed: a parent that has everything imported, so that a child begins within milliseconds.
The environment names the deployment.

Each line on standard input holds the arguments of one export. It is answered by `pid <id>` at once and by `end <status>`
once the child is over; the status of one that was killed is negative. With `named` before the arguments the child writes as
on a system where a file can't be without a name.
"""

import os
import sys

import fhir.resources.R4B.bundle  # noqa: F401 - what commands import when they run

import ops.console
import ops.exporting  # noqa: F401 - as above
from ops import cli


def export(words: list[str]) -> int:
    if words[0] == "named":
        del os.O_TMPFILE, words[0]
    sys.argv = ["anamnesis", "export", *words]
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = export(line.split())
            finally:
                os._exit(code)
        sys.stdout.write(f"pid {child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"end {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
