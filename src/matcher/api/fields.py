"""Kinds of field that several bodies share, each with its bounds.

Everything is strict: ``"3"`` is not 3 and ``true`` is not 1. An instant names its offset and has
seconds; its year is 2000 to 2099, which keeps every sum of times inside the calendar.
"""

from datetime import date, datetime
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema, StringConstraints, WithJsonSchema
from pydantic_core import core_schema

from matcher.domain.geo import Crs

__all__ = [
    "DAY_PATTERN",
    "END_PATTERN",
    "INSTANT_PATTERN",
    "NOTE_PATTERN",
    "TEXT_PATTERN",
    "WALL_TIME_PATTERN",
    "ZONE_PATTERN",
    "Body",
    "Code",
    "Day",
    "Id",
    "Instant",
    "LaxCrs",
    "Level",
    "PlaceBody",
    "WallEnd",
    "WallTime",
    "ZoneName",
]

TEXT_PATTERN: Final = r"^[^\x00-\x1f\x7f]+$"
NOTE_PATTERN: Final = r"^[^\x00-\x08\x0b-\x1f\x7f]+$"
DAY_PATTERN: Final = r"^(19|20|21)\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$"
INSTANT_PATTERN: Final = (
    r"^20\d{2}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
)
WALL_TIME_PATTERN: Final = r"^([01]\d|2[0-3]):[0-5]\d$"
END_PATTERN: Final = r"^(([01]\d|2[0-3]):[0-5]\d|24:00)$"
ZONE_PATTERN: Final = r"^[A-Za-z][A-Za-z0-9_+\-]*(/[A-Za-z0-9_+\-]+)*$"


class Body(BaseModel):
    """The root of everything that a caller may send: nothing unknown, nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


def _text_then(pattern: str, then: core_schema.CoreSchema) -> GetPydanticSchema:
    """Check the text first: a time may not come as a number, nor a day as an instant."""
    text = core_schema.str_schema(strict=True, pattern=pattern)
    return GetPydanticSchema(lambda _source, _handler: core_schema.chain_schema([text, then]))


Instant = Annotated[
    datetime,
    _text_then(INSTANT_PATTERN, core_schema.datetime_schema(strict=False, tz_constraint="aware")),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": INSTANT_PATTERN}),
]
Day = Annotated[
    date,
    _text_then(DAY_PATTERN, core_schema.date_schema(strict=False)),
    WithJsonSchema({"type": "string", "format": "date", "pattern": DAY_PATTERN}),
]
WallTime = Annotated[str, StringConstraints(pattern=WALL_TIME_PATTERN)]
WallEnd = Annotated[str, StringConstraints(pattern=END_PATTERN)]
ZoneName = Annotated[str, StringConstraints(max_length=64, pattern=ZONE_PATTERN)]
Id = Annotated[str, StringConstraints(min_length=1, max_length=128, pattern=TEXT_PATTERN)]
Code = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=TEXT_PATTERN)]
Level = Annotated[int, Field(ge=1, le=9)]
LaxCrs = Annotated[Crs, Field(strict=False)]


class PlaceBody(Body):
    """A place in degrees, in the coordinate system ``crs`` or else in that of the whole body."""

    latitude: Annotated[float, Field(ge=-90, le=90)]
    longitude: Annotated[float, Field(ge=-180, le=180)]
    crs: LaxCrs | None = None
