"""Forks rotations to be killed: a parent that has everything imported, so that a child begins within milliseconds.

Argument: the keys URL. Each line `<number>` on standard input starts a child that replaces the main root by the one of that
number, and every client's keys; its process id comes back as `pid <id>`, then perhaps `done`, and once it has ended `dead`.
"""

import os
import sys
import time
from hashlib import sha256
from uuid import UUID

from adapters.db.engines import open_database
from adapters.keys import rotation
from adapters.keys.book import KeyBook
from adapters.keys.ring import hierarchy_on
from adapters.keys.root_file import FileRootKey

DEPLOYMENT = UUID("0d9a2b30-7c6f-4b77-9a40-6a4f4a8d3c01")
NOTES = FileRootKey(sha256(b"notes").digest())


def root(number: int) -> FileRootKey:
    return FileRootKey(sha256(f"root {number}".encode()).digest())


def held(number: int) -> list[FileRootKey]:
    """While a root is replaced, both."""
    return [root(each) for each in range(max(0, number - 1), number + 1)]


def now_us() -> int:
    return time.time_ns() // 1000


def rotate(url: str, number: int) -> None:
    rotation.BATCH = 3
    engine = open_database(url, pool_size=2)
    hierarchy = hierarchy_on(KeyBook(engine), DEPLOYMENT, held(number), NOTES, now_us)
    hierarchy.enrol_roots()
    work = rotation.Rotation(hierarchy, now_us)
    work.begin_root("main", root(number))
    for old in work.succeeded("main"):
        work.move(old)
        work.retire(old)
    for client in work.clients():
        work.client(client)


if __name__ == "__main__":
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                rotate(sys.argv[1], int(line))
                os.write(1, b"done\n")
            finally:
                os._exit(0)
        os.write(1, f"pid {child}\n".encode())
        os.waitpid(child, 0)
        os.write(1, b"dead\n")
