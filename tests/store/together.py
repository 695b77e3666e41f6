"""Several appends in one group, on purpose: they queue while another connection holds the lock of the log."""

from threading import Thread

from real_servers import until

from adapters.event_store.writer import exclusive_transaction


def waiting(recorder):
    return len(recorder._made_committer()._waiting)


def queued(recorder, append, outcomes, at):
    """A thread that is waiting with `append`; its outcome, or error, will stand in `outcomes[at]`."""
    before = waiting(recorder)

    def call():
        try:
            outcomes[at] = recorder.append(append)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            outcomes[at] = error

    thread = Thread(target=call)
    thread.start()
    until(lambda: waiting(recorder) > before, "an append never queued")
    return thread


def together(recorder, engine, *appends):
    """The outcome of each, in the order given; all of them are queued before the first can be written."""
    outcomes = {}
    with exclusive_transaction(engine):
        threads = [queued(recorder, append, outcomes, at) for at, append in enumerate(appends)]
    for thread in threads:
        thread.join(30)
    return [outcomes[at] for at in range(len(appends))]
