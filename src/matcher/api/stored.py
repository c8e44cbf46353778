"""What volunteers and requests have in common as they are pushed and answered."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, StringConstraints

from matcher.api.faults import MAX_FAULTS
from matcher.api.fields import Body, Code
from matcher.api.meaning import Meaning
from matcher.domain import regions
from matcher.domain.errors import Fault, InvalidBodyError
from matcher.domain.geo import Crs, Point

__all__ = ["ID_PATTERN", "BelongingBody", "ExternalId", "Place", "check", "check_region", "instant", "place", "text"]

# Ids stand in paths.
ID_PATTERN: Final = r"^[^/\x00-\x1f\x7f]+$"

ExternalId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=128, pattern=ID_PATTERN),
    Field(description="The caller's own id, unique in its client system. No name, phone or identity number."),
]


class BelongingBody(Body):
    """Where something belongs."""

    region: Annotated[Code, Field(description="A division code of 2, 4, 6 or 9 digits that the key holds for.")]
    community: Annotated[Code | None, Field(description="The caller's own id of a community (社区).")] = None


class Place(BaseModel):
    """A place in degrees."""

    latitude: float
    longitude: float
    crs: Crs


def check_region(meaning: Meaning, region: str) -> None:
    """Note a fault if no region has the code."""
    if not regions.exists(region):
        meaning.faults.append(Fault("/region", "unknown-region", regions.unknown(region)))


def check(meaning: Meaning) -> None:
    """Refuse a body in which something is wrong.

    Raises
    ------
    InvalidBodyError
        If faults were found.
    """
    if meaning.faults:
        raise InvalidBodyError(meaning.faults[:MAX_FAULTS])


def text(at: datetime) -> str:
    """Return an instant as it is kept and answered: in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant(at: datetime | None) -> str | None:
    """Return an instant as it is answered."""
    return None if at is None else text(at)


def place(latitude: float | None, longitude: float | None, crs: Crs) -> dict[str, Any] | None:
    """Return a place of the database in the caller's coordinate system."""
    if latitude is None or longitude is None:
        return None
    north, east = Point(latitude, longitude).shown_in(crs)
    return {"latitude": north, "longitude": east, "crs": crs}
