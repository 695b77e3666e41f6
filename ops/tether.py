"""Run a program that ends with its parent: `python tether.py PARENT_PID PROGRAM [ARGUMENT…]`.

The wish to end with one's parent has to be uttered by the child, and survives exec: hence this small step in between, so
that nothing runs between fork and exec. Standard library alone: it costs milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    parent, *command = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The parent may have died before the wish was heard.
    if os.getppid() != int(parent):
        sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 - the caller names the program


if __name__ == "__main__":
    main()
