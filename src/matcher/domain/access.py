"""Who calls, what they may do, and where."""

from dataclasses import dataclass
from enum import StrEnum

from matcher.domain.geo import Crs

__all__ = ["EVERYWHERE", "Principal", "Scope"]

# The grant that holds every region: each code begins with it.
EVERYWHERE = ("",)


class Scope(StrEnum):
    """One thing that a key may do."""

    MATCH = "match"
    VOLUNTEERS_READ = "volunteers:read"
    VOLUNTEERS_WRITE = "volunteers:write"
    REQUESTS_READ = "requests:read"
    REQUESTS_WRITE = "requests:write"
    SKILLS_WRITE = "skills:write"
    CANDIDATES_READ = "candidates:read"
    OPPORTUNITIES_READ = "opportunities:read"
    RUNS_READ = "runs:read"
    RUNS_WRITE = "runs:write"
    OFFERS_READ = "offers:read"
    OFFERS_ANSWER = "offers:answer"
    OFFERS_WRITE = "offers:write"
    RECORDS_READ = "records:read"
    RECORDS_WRITE = "records:write"
    EVENTS_READ = "events:read"
    ERASURES_WRITE = "erasures:write"
    AUDIT_READ = "audit:read"
    KEYS_MANAGE = "keys:manage"


@dataclass(frozen=True, slots=True)
class Principal:
    """The bearer of a key.

    ``regions`` are prefixes of division codes; ``EVERYWHERE`` grants all of them. ``crs`` is how
    places are read and answered where a call does not say.
    """

    client_no: int
    key_no: int
    scopes: frozenset[Scope]
    regions: tuple[str, ...] = EVERYWHERE
    crs: Crs = Crs.GCJ02

    def covers(self, region: str) -> bool:
        """Tell whether a region lies inside the grants."""
        return region.startswith(self.regions)
