"""The columns of the CSV tables, and where each one goes in the JSON body."""

from dataclasses import dataclass

from matcher.cli import cells
from matcher.cli.cells import Parse

__all__ = ["PAIRS", "REQUESTS", "VOLUNTEERS", "Column", "Table"]


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


def _table(name: str, required: tuple[str, ...], paths: dict[str, tuple[str, ...]], parsers: dict[str, Parse]) -> Table:
    columns = {column: Column(parse, paths.get(column, (column,))) for column, parse in parsers.items()}
    return Table(name, columns, required)


_PLACE: dict[str, tuple[str, ...]] = {
    "latitude": ("location", "latitude"),
    "longitude": ("location", "longitude"),
    "crs": ("location", "crs"),
}

REQUESTS = _table(
    "requests",
    ("id",),
    _PLACE,
    {
        "id": cells.text,
        "latitude": cells.number,
        "longitude": cells.number,
        "crs": cells.text,
        "region": cells.text,
        "windows": cells.intervals,
        "duration_min": cells.whole,
        "skills": cells.needs,
        "headcount": cells.whole,
        "min_headcount": cells.whole,
        "urgency": cells.whole,
        "gender": cells.text,
        "adults_only": cells.yes_no,
        "needs_insurance": cells.yes_no,
        "trainings": cells.names,
        "preferred_volunteers": cells.names,
        "excluded_volunteers": cells.names,
        "requested_at": cells.text,
    },
)

VOLUNTEERS = _table(
    "volunteers",
    ("id",),
    _PLACE | {name: ("availability", name) for name in ("weekly", "extra", "except", "time_zone")},
    {
        "id": cells.text,
        "latitude": cells.number,
        "longitude": cells.number,
        "crs": cells.text,
        "region": cells.text,
        "max_distance_km": cells.number,
        "max_travel_min": cells.whole,
        "travel_mode": cells.text,
        "skills": cells.skills,
        "trainings": cells.names,
        "insured_until": cells.text,
        "gender": cells.text,
        "birth_year": cells.whole,
        "guardian_consent": cells.yes_no,
        "paused": cells.yes_no,
        "weekly": cells.weekly,
        "extra": cells.intervals,
        "except": cells.intervals,
        "time_zone": cells.text,
        "busy": cells.intervals,
        "max_assignments": cells.whole,
        "max_minutes": cells.whole,
        "max_assignments_per_day": cells.whole,
        "max_minutes_per_day": cells.whole,
        "recent_minutes": cells.whole,
    },
)

PAIRS = _table(
    "pairs",
    ("request_id", "volunteer_id"),
    {},
    {
        "request_id": cells.text,
        "volunteer_id": cells.text,
        "distance_km": cells.number,
        "travel_min": cells.whole,
        "duration_min": cells.whole,
        "cost": cells.whole,
    },
)
