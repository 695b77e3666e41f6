"""Forks processes that back up or restore, to be killed: a parent that has everything imported, so that a child begins
within milliseconds. The environment names the deployment.

Lines on standard input: `backup EVENTS KEYS` or `restore EVENTS KEYS EVENTS_URL KEYS_URL VIEWS_URL`. Answered by `pid <id>`
at once and `end <status>` once it is over; the status of one that was killed is negative.
"""

import os
import sys
from dataclasses import replace

from ops.backup.places import place_at
from ops.backup.planning import Wish
from ops.backup.restoring import restore
from ops.backup.taking import take
from ops.bootstrap import Part, build
from ops.hosting import call_of_host
from ops.settings import Settings


def work(words: list[str]) -> None:
    settings = Settings.load()
    if words[0] == "backup":
        with build(settings, parts=Part.HOST) as system:
            for what, address in (("events", words[1]), ("keys", words[2])):
                take(system, call_of_host(system), what, place_at(address)[0])
        return
    events_url, keys_url, views_url = words[3:]
    settings = replace(settings, events_url=events_url, keys_url=keys_url, views_url=views_url)
    restore(settings, Wish(events=words[1], keys=words[2]), call_of_host)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work(line.split())
                code = 0
            finally:
                os._exit(code)
        sys.stdout.write(f"pid {child}\n")
        sys.stdout.flush()
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"end {os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
