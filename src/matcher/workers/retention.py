"""Letting go, every night, of what has been kept for long enough."""

import logging
from datetime import timedelta

from matcher.domain.retention import Retention
from matcher.services import retention
from matcher.settings import Settings
from matcher.workers.context import Context

__all__ = ["sweep"]

logger = logging.getLogger(__name__)


def sweep(context: Context) -> None:
    """Let go of everything that is old enough, a bounded number in each transaction."""
    for name, step in retention.steps(_retention(context.settings)).items():
        batches, goes_on = 0, True
        while goes_on:
            context.check()
            with context.begin() as session:
                goes_on = step(session)
            batches += 1
        logger.info("let go of what was old", extra={"kind": name, "batches": batches})


def _retention(settings: Settings) -> Retention:
    return Retention(
        problems=_days(settings.keep_problems_days),
        plans=_days(settings.keep_plans_days),
        places=_days(settings.keep_places_days),
        events=_days(settings.keep_events_days),
        audit=_days(settings.keep_audit_days),
        imports=_days(settings.keep_imports_days),
    )


def _days(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None
