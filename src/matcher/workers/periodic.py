"""What is done again and again, whoever is called: a task by its name, and when, in UTC.

However many workers there are, one of them does it each time. A time that passed while no worker
ran is made up for within ten minutes, or else left out.
"""

from collections.abc import Mapping
from typing import Final

__all__ = ["PERIODIC"]

# Minute, hour, day of the month, month, day of the week; a sixth field would be seconds.
PERIODIC: Final[Mapping[str, str]] = {
    "jobs.report": "* * * * *",
    "jobs.delete_finished": "17 19 * * *",
    "offers.expire": "* * * * *",
    "requests.fail": "* * * * *",
    "events.order": "* * * * *",
    "idempotency.delete_old": "7 * * * *",
    "retention.sweep": "23 18 * * *",
    "imports.sweep": "*/5 * * * *",
}
