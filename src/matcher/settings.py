"""What can be set from outside, read from the environment here and nowhere else."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

__all__ = ["LogLevel", "Settings", "SettingsError", "load"]

_PREFIX = "MATCHER_"
_MIB = 2**20
_HALF_A_YEAR = 180

Port = Annotated[int, Field(ge=0, le=65_535)]
Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Days = Annotated[int, Field(ge=0, le=36_500)]


def _at_least_half_a_year(days: int) -> int:
    if 0 < days < _HALF_A_YEAR:
        raise ValueError(f"the audit trail is kept for {_HALF_A_YEAR} days at least, or 0 for ever")
    return days


class SettingsError(ValueError):
    """A setting is unknown or out of range; the text names the variables and says what to do."""


class LogLevel(StrEnum):
    """From which severity on a line is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """Every setting with its default; ``MATCHER_PORT`` sets ``port``, and so on.

    Attributes
    ----------
    database_url
        PostgreSQL 15 or newer, such as ``postgresql://user@host/name``. Without it an embedded
        PostgreSQL runs in ``data_dir``.
    data_dir
        Where the service keeps its own files.
    host, port
        Where the service listens; port 0 takes a free one.
    max_body_bytes, max_small_body_bytes
        Largest body of ``POST /v1/match``, and of every other route but imports.
    max_import_bytes
        Most bytes of one import.
    max_requests, max_volunteers, max_pairs
        Largest problem that is taken on.
    solver_workers
        How many problems are solved at the same time, each in a process of its own.
    solver_queue
        How many more may wait before callers are asked to come back later.
    solver_time_limit_s
        Most seconds that a caller may ask for.
    solver_grace_s
        How long after its own limit a solver is ended by force. It covers reading the problem, the
        exact flow and the explanations, which the caller's limit does not count.
    solver_memory_mb
        Most memory of one solver process; one that asks for more is ended.
    worker
        Whether jobs are done inside ``matcher serve`` as well; ``matcher worker`` does them by itself.
    worker_concurrency
        How many jobs a worker does at the same time.
    result_ttl_s, max_results
        How long, and how many at most, answers wait to be fetched.
    idempotency_ttl_s
        How long the answer to a call with an ``Idempotency-Key`` is kept at least.
    match_needs_key
        Whether ``POST /v1/match`` asks for a key with the scope ``match``.
    rate_limit, answer_rate_limit
        How many calls a key may make in a minute, and how many answers to offers beside them; 0 does
        not limit. Each process counts for itself.
    reveal_budget
        Of how many requests a key may see the exact place within a day; 0 does not limit.
    erasure_settle_s
        How long after a person was erased whatever names them is erased too: longer than any
        transaction lasts.
    keep_problems_days, keep_plans_days
        How long the problems of runs, with their exact places, and their plans are kept.
    keep_places_days
        How long a request that is closed keeps its exact place and its note; its cell stays.
    keep_events_days, keep_imports_days
        How long events, and imports that have ended, are kept.
    keep_audit_days
        How long the audit trail is kept: half a year at least. Of all of these 0 keeps for ever.
    drain_s
        How long a stopping service lets answers in flight finish.
    kernels
        Whether the compiled kernels are used; without them scipy solves everything.
    docs
        Whether ``/docs`` and ``/openapi.json`` are served.
    log_level
        From which severity on a line is written to standard error.
    """

    model_config = SettingsConfigDict(env_prefix=_PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    database_url: SecretStr | None = None
    data_dir: Path = Path("var")

    host: str = "127.0.0.1"
    port: Port = 8000

    max_body_bytes: Count = 64 * _MIB
    max_small_body_bytes: Count = _MIB
    max_import_bytes: Count = 1024 * _MIB
    max_requests: Count = 200_000
    max_volunteers: Count = 1_000_000
    max_pairs: Count = 2_000_000

    solver_workers: Count = 2
    solver_queue: Annotated[int, Field(ge=0)] = 16
    solver_time_limit_s: Seconds = 300.0
    solver_grace_s: Seconds = 60.0
    solver_memory_mb: Annotated[int, Field(ge=256)] = 4096

    worker: bool = True
    worker_concurrency: Count = 4

    result_ttl_s: Seconds = 3600.0
    max_results: Count = 1000
    idempotency_ttl_s: Seconds = 86_400.0
    match_needs_key: bool = False
    rate_limit: Annotated[int, Field(ge=0)] = 60_000
    answer_rate_limit: Annotated[int, Field(ge=0)] = 30_000

    reveal_budget: Annotated[int, Field(ge=0)] = 5_000

    erasure_settle_s: Annotated[float, Field(ge=0)] = 120.0
    keep_problems_days: Days = 30
    keep_plans_days: Days = 365
    keep_places_days: Days = 30
    keep_events_days: Days = 180
    keep_imports_days: Days = 30
    keep_audit_days: Annotated[Days, AfterValidator(_at_least_half_a_year)] = 1_095

    drain_s: Seconds = 8.0

    kernels: bool = True
    docs: bool = True
    log_level: LogLevel = LogLevel.INFO


def load() -> Settings:
    """Read the settings from the environment.

    Raises
    ------
    SettingsError
        If a ``MATCHER_`` variable is unknown (a misspelt one would otherwise be ignored in
        silence) or its value is refused. Values are never repeated: one of them is a password.
    """
    known = {f"{_PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.upper().startswith(_PREFIX) and name.upper() not in known)
    if unknown:
        raise SettingsError(f"Unknown settings: {', '.join(unknown)}. Known are: {', '.join(sorted(known))}.")
    try:
        return Settings()
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
        raise SettingsError(
            "; ".join(f"{_PREFIX}{str(fault['loc'][0]).upper()}: {fault['msg']}" for fault in faults)
        ) from None
