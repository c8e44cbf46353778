"""``matcher worker`` whose patience is short, so that a test need not wait long for the jobs of the dead."""

import signal
import threading

from matcher import settings, telemetry
from matcher.services import backing
from matcher.workers.worker import Pace, Worker

PACE = Pace(poll_s=0.2, heartbeat_s=0.3, silent_s=2.5, rescue_s=0.3, restart_s=0.2)

if __name__ == "__main__":
    loaded = settings.load()
    telemetry.configure(loaded.log_level)
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with backing.connect(loaded) as database:
        solvers = backing.start_solvers(loaded)
        worker = Worker(loaded, database, solvers, pace=PACE)
        worker.start()
        stopping.wait()
        worker.stop(drain_s=loaded.drain_s)
        solvers.close(drain_s=0)
