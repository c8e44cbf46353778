"""What every test shares: how hypothesis searches."""

import os

from hypothesis import HealthCheck, settings

# The machine may be busy with other work: no example is judged by the clock.
settings.register_profile("dev", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("dev"), derandomize=True, print_blob=True, database=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
