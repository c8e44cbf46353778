"""What every process of the service stands on: its database and its solvers, as the settings say."""

import logging

from matcher.services.solving import Limits, Solvers
from matcher.settings import Settings
from matcher.storage import database
from matcher.storage.database import Database, DatabaseStartError

__all__ = ["connect", "start_solvers"]

logger = logging.getLogger(__name__)


def connect(settings: Settings) -> Database:
    """Return the database.

    Raises
    ------
    DatabaseStartError
        If it cannot be reached or started.
    """
    url = None if settings.database_url is None else settings.database_url.get_secret_value()
    try:
        return database.connect(url, settings.data_dir)
    except DatabaseStartError as error:
        # The text of an exception is kept out of the log; this one is written for whoever reads it.
        logger.critical("the database did not start: %s", error)
        raise


def start_solvers(settings: Settings) -> Solvers:
    """Start the solver processes; returns at once."""
    limits = Limits(
        workers=settings.solver_workers,
        queue=settings.solver_queue,
        time_limit_s=settings.solver_time_limit_s,
        grace_s=settings.solver_grace_s,
        memory_mb=settings.solver_memory_mb,
    )
    solvers = Solvers(limits, kernels=settings.kernels, log_level=settings.log_level)
    solvers.start()
    return solvers
