"""A crowd of volunteers and some requests, as rows with everything that matching looks at, drawn at random."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import insert

import rows
from make import METRES_A_DEGREE, NOW, at_m
from matcher.storage.database import Session
from matcher.storage.tables.outcomes import OfferRow, RecordRow
from matcher.storage.tables.people import BlockRow, RequestRow, SkillRow, VolunteerRow

__all__ = ["add_people", "add_requests"]

SKILLS = ("cook", "lift", "nurse", "read")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def add_people(session: Session, client_no: int, draw: random.Random, count: int, *, side_m: int) -> list[VolunteerRow]:
    """Add a skill that needs a certificate, and volunteers within a square, some of them without a place."""
    session.execute(insert(SkillRow).values(client_no=client_no, external_id="nurse", needs_certificate=True))
    people = [VolunteerRow(client_no=client_no, **_person(draw, number, side_m)) for number in range(count)]
    session.add_all(people)
    session.flush()
    for who in draw.sample(people, count // 10):
        session.add(
            RecordRow(
                client_no=client_no,
                region=who.region,
                offer_no=_past_offer(session, client_no, who).no,
                request_no=_elsewhere(session, client_no, draw).no,
                volunteer_no=who.no,
                starts_at=NOW - timedelta(days=4),
                ends_at=NOW - timedelta(days=4, hours=-2),
                minutes=120,
            )
        )
    session.flush()
    return people


def add_requests(
    session: Session, client_no: int, draw: random.Random, count: int, people: list[VolunteerRow], *, side_m: int
) -> list[RequestRow]:
    """Add requests within a square; some volunteers refused, are blocked, there already or promised elsewhere."""
    found = []
    promised: set[int] = set()
    for number in range(count):
        request = rows.request(session, client_no, f"crowd-{number}", **_request(draw, people, side_m))
        found.append(request)
        for who in draw.sample(people, min(12, len(people) // 8)):
            status = draw.choice(["declined", "released", "accepted", "offered"])
            if status in ("accepted", "offered") and who.no not in promised:
                promised.add(who.no)
                start = NOW + timedelta(hours=draw.randint(1, 40))
                rows.offer(session, _elsewhere(session, client_no, draw), who, status=status, starts_at=start)
            else:
                rows.offer(session, request, who, status="declined" if status == "declined" else "released")
        for who in draw.sample(people, 3):
            session.add(BlockRow(client_no=client_no, region=who.region, volunteer_no=who.no, requester=f"q{number}"))
        request.requester = f"q{number}"
        if request.places[0] > 1 and draw.random() < 0.5:
            who = draw.choice([who for who in people if who.no not in promised])
            promised.add(who.no)
            rows.offer(session, request, who, status="accepted", starts_at=request.opens_at)
            request.taken = [1, *request.taken[1:]]
        session.flush()
    return found


def _person(draw: random.Random, number: int, side_m: int) -> dict[str, Any]:
    held = draw.sample(SKILLS, draw.randint(0, 3))
    place = _place(draw, side_m) if draw.random() < 0.97 else {"latitude": None, "longitude": None}
    return place | {
        "external_id": f"v{number}",
        "region": draw.choice(["310101002", "310101013", "310104003"]),
        "max_distance_m": draw.choice([None, 800, 2_000, 4_000, 6_000]),
        "max_travel_min": draw.choice([None, None, 15, 40]),
        "travel_mode": draw.choice(["walk", "bicycle", "car"]),
        "skills": [
            {
                "code": code,
                "level": draw.randint(1, 3),
                "valid_until": draw.choice([None, "2026-11-24", "2027-01-01", "2026-11-01"]),
            }
            for code in held
        ],
        "skill_codes": held,
        "trainings": draw.choice([[], ["first-aid"]]),
        "insured_until": draw.choice([None, date(2027, 1, 1)]),
        "gender": draw.choice([None, "female", "male"]),
        "birth_year": draw.choice([None, 1960, 1990, 1990, 2010]),
        "guardian_consent": draw.random() < 0.3,
        "paused": draw.random() < 0.05,
        "availability": _availability(draw),
        "busy": _busy(draw, side_m),
        "max_assignments": draw.choice([None, None, 1, 2]),
        "max_minutes": draw.choice([None, None, 90, 300]),
        "max_assignments_per_day": draw.choice([None, None, 1]),
        "max_minutes_per_day": draw.choice([None, None, 120]),
        "recent_minutes": draw.choice([0, 0, 100, 300, 700]),
    }


def _availability(draw: random.Random) -> dict[str, Any] | None:
    if draw.random() < 0.3:
        return None
    first = draw.randint(6, 17)
    rule = {
        "days": draw.sample(_DAYS, draw.randint(2, 6)),
        "start": f"{first:02}:00",
        "end": f"{first + draw.randint(2, 6):02}:30",
        "calendar": draw.choice(["all", "workdays"]),
    }
    return {"weekly": [rule], "extra": [], "except": [], "time_zone": None}


def _busy(draw: random.Random, side_m: int) -> list[dict[str, Any]]:
    if draw.random() < 0.8:
        return []
    start = NOW + timedelta(hours=draw.randint(0, 50))
    return [{"start": _text(start), "end": _text(start + timedelta(hours=3)), **_place(draw, side_m)}]


def _request(draw: random.Random, people: list[VolunteerRow], side_m: int) -> dict[str, Any]:
    roles: list[dict[str, Any]] = [
        {
            "skills": [
                {"code": code, "level": draw.randint(1, 2)}
                for code in draw.sample(SKILLS, draw.choice([0, 0, 1, 1, 2]))
            ],
            "count": draw.randint(1, 2),
            "gender": draw.choice([None, None, None, "female"]),
        }
        for _ in range(draw.choice([1, 1, 2]))
    ]
    opens_at = NOW + timedelta(hours=draw.randint(1, 30))
    closes_at = opens_at + timedelta(hours=draw.randint(3, 30))
    return _place(draw, side_m) | {
        "roles": roles,
        "by_role": len(roles) > 1,
        "places": [role["count"] for role in roles],
        "taken": [0 for _ in roles],
        "min_headcount": 1,
        "skill_codes": sorted({skill["code"] for role in roles for skill in role["skills"]}),
        "opens_at": opens_at,
        "closes_at": closes_at,
        "urgency": draw.randint(1, 5),
        "duration_min": draw.choice([30, 60, 90]),
        "adults_only": draw.random() < 0.3,
        "needs_insurance": draw.random() < 0.2,
        "trainings": draw.choice([[], [], ["first-aid"]]),
        "preferred_volunteers": draw.choice([[], [who.external_id for who in draw.sample(people, len(people) // 8)]]),
        "excluded_volunteers": [who.external_id for who in draw.sample(people, 3)],
    }


def _elsewhere(session: Session, client_no: int, draw: random.Random) -> RequestRow:
    return rows.request(session, client_no, **_place(draw, 3_000), status="filled")


def _past_offer(session: Session, client_no: int, who: VolunteerRow) -> OfferRow:
    past = NOW - timedelta(days=4)
    return rows.offer(session, rows.request(session, client_no, status="filled"), who, status="expired", starts_at=past)


def _place(draw: random.Random, side_m: int) -> dict[str, Any]:
    foot = at_m(0)
    return {
        "latitude": foot.latitude + draw.uniform(0, side_m) / METRES_A_DEGREE,
        "longitude": foot.longitude + draw.uniform(0, side_m) / METRES_A_DEGREE / 0.855,
    }


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
