"""Forks writers to be killed: a parent that has everything imported, so that a child writes within milliseconds.

Argument: the events URL. Each line on standard input starts a child, whose process id comes back as `pid <id>`; then
the child's acknowledged appends as `<command id> <first> <last>`, and once it is dead `dead <id>`.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "store"))

import writer_process

THREADS = 4

if __name__ == "__main__":
    url, out = sys.argv[1], sys.stdout.fileno()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            writer_process.run(url, THREADS, None, out)
        os.write(out, f"pid {child}\n".encode())
        os.waitpid(child, 0)
        os.write(out, f"dead {child}\n".encode())
