"""Run a program that ends with its parent: `python tether.py PARENT_PID PROGRAM [ARGUMENT…]`.

Linux forgets nothing but delivers this only to whoever asked for it, and the wish survives exec: hence this small step
in between, which needs no code to run between fork and exec. Standard library alone, so that it costs milliseconds.
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
