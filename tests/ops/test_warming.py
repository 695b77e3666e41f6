"""Loading ahead of use: in the background, step by step, and harmless when it fails."""

import threading

from ops.warming import WarmUp

PATIENCE_S = 20


def test_steps_are_taken_in_order_whatever_becomes_of_one(caplog):
    taken = []
    done = threading.Event()

    def fails():
        raise ImportError("gone")

    warm_up = WarmUp([lambda: taken.append(1), fails, lambda: taken.append(3), done.set])
    warm_up.start()
    assert done.wait(PATIENCE_S)
    warm_up.stop()
    assert taken == [1, 3]


def test_stopping_waits_for_the_step_at_hand_and_takes_no_other():
    begun, go_on = threading.Event(), threading.Event()
    taken = []

    def long_step():
        begun.set()
        go_on.wait(PATIENCE_S)
        taken.append("long")

    warm_up = WarmUp([long_step, lambda: taken.append("next")])
    warm_up.start()
    assert begun.wait(PATIENCE_S)
    stopping = threading.Thread(target=warm_up.stop)
    stopping.start()
    assert stopping.is_alive()
    go_on.set()
    stopping.join(PATIENCE_S)
    assert taken in (["long"], ["long", "next"])
    assert not stopping.is_alive()


def test_what_was_stopped_before_it_started_takes_no_step():
    taken: list[str] = []
    warm_up = WarmUp([lambda: taken.append("step")])
    warm_up.stop()
    assert taken == []
