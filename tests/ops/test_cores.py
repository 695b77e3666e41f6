"""A single API process keeps to one core."""

import os
import subprocess
import sys

import pytest

SHOWN = """
import os, threading
from ops.cores import stay_on_one_core
stay_on_one_core()
threading.Thread(target=lambda: print(*os.sched_getaffinity(0))).start()
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no processor affinity")
def test_threads_started_afterwards_share_one_of_the_cores_the_process_may_use():
    shown = subprocess.run([sys.executable, "-c", SHOWN], capture_output=True, text=True, check=True).stdout.split()
    assert len(shown) == 1
    assert int(shown[0]) in os.sched_getaffinity(0)


NATIVE = """
import os, threading
from ops.cores import stay_on_one_core, use_every_core
stay_on_one_core()
def warm():
    use_every_core()
    started = threading.Thread(target=lambda: print(*sorted(os.sched_getaffinity(0))))
    started.start()
    started.join()
warming = threading.Thread(target=warm)
warming.start()
warming.join()
print(len(os.sched_getaffinity(0)))
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system has no processor affinity")
def test_what_a_thread_starts_that_asked_for_every_core_may_use_them_and_nothing_else():
    shown = subprocess.run([sys.executable, "-c", NATIVE], capture_output=True, text=True, check=True).stdout
    free, own = shown.splitlines()
    assert [int(core) for core in free.split()] == sorted(os.sched_getaffinity(0))
    assert own == "1"
