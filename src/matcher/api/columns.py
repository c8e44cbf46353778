"""The columns of the CSV tables, and where each one goes in the JSON body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from matcher.api import cells
from matcher.api.cells import Parse, or_json
from matcher.domain.imports import ImportKind

__all__ = ["IMPORTED", "PAIRS", "REQUESTS", "VOLUNTEERS", "Column", "Table"]


@dataclass(frozen=True, slots=True)
class Column:
    """How a cell is read, and the path of the value in the JSON object."""

    parse: Parse
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A kind of table: its name in the body, its columns, and those that no row may lack."""

    name: str
    columns: dict[str, Column]
    required: tuple[str, ...]
    _by_path: dict[str, Column] = field(init=False)

    def __post_init__(self) -> None:
        by_path = {".".join(column.path): column for column in self.columns.values()}
        object.__setattr__(self, "_by_path", by_path)

    def find(self, name: str) -> Column | None:
        """Return the column of a name, or of the place of its value in the body, such as ``location.latitude``."""
        return self.columns.get(name) or self._by_path.get(name)


def _table(name: str, required: tuple[str, ...], parsers: Mapping[str, Parse]) -> Table:
    columns = {column: Column(parse, _NESTED.get(column, (column,))) for column, parse in parsers.items()}
    return Table(name, columns, required)


_NESTED: Final[Mapping[str, tuple[str, ...]]] = {
    **{name: ("location", name) for name in ("latitude", "longitude", "crs")},
    **{name: ("availability", name) for name in ("weekly", "extra", "except", "time_zone")},
}

_REQUEST: Final[Mapping[str, Parse]] = {
    "latitude": cells.number,
    "longitude": cells.number,
    "crs": cells.text,
    "region": cells.text,
    "windows": or_json(cells.intervals),
    "duration_min": cells.whole,
    "skills": or_json(cells.needs),
    "headcount": cells.whole,
    "min_headcount": cells.whole,
    "urgency": cells.whole,
    "gender": cells.text,
    "adults_only": cells.yes_no,
    "needs_insurance": cells.yes_no,
    "trainings": or_json(cells.names),
    "preferred_volunteers": or_json(cells.names),
    "excluded_volunteers": or_json(cells.names),
    "requested_at": cells.text,
}

_VOLUNTEER: Final[Mapping[str, Parse]] = {
    "latitude": cells.number,
    "longitude": cells.number,
    "crs": cells.text,
    "region": cells.text,
    "max_distance_km": cells.number,
    "max_travel_min": cells.whole,
    "travel_mode": cells.text,
    "skills": or_json(cells.skills),
    "trainings": or_json(cells.names),
    "insured_until": cells.text,
    "gender": cells.text,
    "birth_year": cells.whole,
    "guardian_consent": cells.yes_no,
    "paused": cells.yes_no,
    "weekly": or_json(cells.weekly),
    "extra": or_json(cells.intervals),
    "except": or_json(cells.intervals),
    "time_zone": cells.text,
    "busy": or_json(cells.intervals),
    "max_assignments": cells.whole,
    "max_minutes": cells.whole,
    "max_assignments_per_day": cells.whole,
    "max_minutes_per_day": cells.whole,
    "recent_minutes": cells.whole,
}

REQUESTS: Final = _table("requests", ("id",), {"id": cells.text, **_REQUEST})
VOLUNTEERS: Final = _table("volunteers", ("id",), {"id": cells.text, **_VOLUNTEER})
PAIRS: Final = _table(
    "pairs",
    ("request_id", "volunteer_id"),
    {
        "request_id": cells.text,
        "volunteer_id": cells.text,
        "distance_km": cells.number,
        "travel_min": cells.whole,
        "duration_min": cells.whole,
        "cost": cells.whole,
    },
)

# What comes to stay has the caller's id and its region.
IMPORTED: Final[Mapping[ImportKind, Table]] = {
    ImportKind.REQUESTS: _table(
        "requests",
        ("external_id", "region"),
        {
            "external_id": cells.text,
            **_REQUEST,
            "roles": cells.json,
            "community": cells.text,
            "requester": cells.text,
            "risk": cells.text,
            "verified": cells.yes_no,
            "note": cells.text,
        },
    ),
    ImportKind.VOLUNTEERS: _table(
        "volunteers",
        ("external_id", "region"),
        {
            "external_id": cells.text,
            **_VOLUNTEER,
            "availability": cells.json,
            "community": cells.text,
            "volunteer_no": cells.text,
        },
    ),
}
