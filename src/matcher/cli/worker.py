"""``matcher worker``: does jobs, and nothing else."""

import signal
import threading

from matcher import settings, telemetry
from matcher.services import backing
from matcher.workers.worker import Worker

__all__ = ["worker"]

_LOOK_S = 0.5


def worker() -> None:
    """Do the jobs of the queue until told to stop: match, publish, import, erase.

    Any number of workers may run, on any number of hosts, on the database that MATCHER_DATABASE_URL
    names. `matcher serve` does jobs as well, unless it is told not to.

    **Examples**

        matcher worker
        MATCHER_DATABASE_URL=postgresql://matcher@db/matcher matcher worker
    """
    loaded = settings.load()
    telemetry.configure(loaded.log_level)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with backing.connect(loaded) as database:
        solvers = backing.start_solvers(loaded)
        started = Worker(loaded, database, solvers)
        started.start()
        # A signal may be delivered to another thread, which wakes nobody.
        while not stopping.wait(_LOOK_S):
            pass
        started.stop(drain_s=loaded.drain_s)
        solvers.close(drain_s=0)
