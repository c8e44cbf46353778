"""The Henan flood of July 2021 as a problem: real calls and offers, and volunteers made up around them.

What is real: place, time, and the words behind the derived skills of 1,042 calls and 107 offers.
What is assumed: every call is still open at the moment of the last one, and how long it can
wait; how many people stand behind an offer; and every volunteer whose name begins with ``gen-``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TextIO
from zoneinfo import ZoneInfo

import numpy as np

from matcher.simulation import bodies
from matcher.simulation.bodies import Body

__all__ = ["NOW", "PREFECTURES", "to_body", "write_body"]

NOW = datetime(2021, 7, 25, 14, 34, tzinfo=ZoneInfo("Asia/Shanghai"))
GENERATED = 700

# Division code: name, and latitude and longitude of the seat.
PREFECTURES: dict[str, tuple[str, float, float]] = {
    "4101": ("Zhengzhou 郑州", 34.75, 113.63),
    "4102": ("Kaifeng 开封", 34.80, 114.31),
    "4103": ("Luoyang 洛阳", 34.62, 112.45),
    "4104": ("Pingdingshan 平顶山", 33.77, 113.19),
    "4105": ("Anyang 安阳", 36.10, 114.39),
    "4106": ("Hebi 鹤壁", 35.75, 114.30),
    "4107": ("Xinxiang 新乡", 35.30, 113.93),
    "4108": ("Jiaozuo 焦作", 35.22, 113.24),
    "4109": ("Puyang 濮阳", 35.76, 115.03),
    "4110": ("Xuchang 许昌", 34.04, 113.85),
    "4111": ("Luohe 漯河", 33.58, 114.02),
    "4112": ("Sanmenxia 三门峡", 34.77, 111.20),
    "4113": ("Nanyang 南阳", 32.99, 112.53),
    "4114": ("Shangqiu 商丘", 34.41, 115.66),
    "4115": ("Xinyang 信阳", 32.15, 114.09),
    "4116": ("Zhoukou 周口", 33.63, 114.70),
    "4117": ("Zhumadian 驻马店", 33.01, 114.02),
    "419001": ("Jiyuan 济源", 35.07, 112.60),
}
FARTHEST_SEAT_KM = 100.0

# How many generated volunteers in a hundred have each skill.
SKILL_SHARE = {
    "manpower": 55,
    "water-food": 50,
    "power-comms": 35,
    "elderly-care": 30,
    "shelter": 20,
    "drainage-repair": 15,
    "boat-rescue": 15,
    "medical": 12,
    "infant-care": 12,
}
# Share, and the median of how far they go.
TRAVEL_MODES = {"walk": (0.15, 3.0), "bicycle": (0.15, 5.0), "ebike": (0.45, 10.0), "car": (0.25, 25.0)}
EVERY_DAY = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
AVAILABILITIES: list[tuple[float, Body]] = [
    (0.40, {"weekly": [{"days": EVERY_DAY, "start": "07:00", "end": "20:00"}]}),
    (0.20, {"weekly": [{"days": EVERY_DAY, "start": "06:00", "end": "12:00"}]}),
    (
        0.25,
        {
            "weekly": [
                {"days": EVERY_DAY, "start": "18:00", "end": "22:00", "calendar": "workdays"},
                {"days": EVERY_DAY, "start": "08:00", "end": "20:00", "calendar": "holidays"},
            ]
        },
    ),
    (0.15, {"extra": [{"start": NOW.isoformat(), "end": (NOW + timedelta(hours=48)).isoformat()}]}),
]


def to_body(requests: Iterable[Mapping[str, str]], offers: Iterable[Mapping[str, str]], seed: int = 0) -> Body:
    """Return the body of ``POST /v1/match``.

    Parameters
    ----------
    requests, offers
        The rows of ``requests.csv`` and ``offers.csv``.
    seed
        Chooses the size of the groups and the generated volunteers.
    """
    random = np.random.default_rng(seed)
    calls = list(requests)
    groups = [member for offer in offers for member in _group(random, offer)]
    return {
        "now": NOW.isoformat(),
        "time_zone": "Asia/Shanghai",
        "crs": "bd09",
        "requests": [_request(call) for call in calls],
        "volunteers": groups + list(_generated(random, calls)),
    }


def write_body(body: Body, file: TextIO) -> None:
    """Write the body, one request or volunteer a line."""
    lists = {name: body[name] for name in ("requests", "volunteers")}
    bodies.write({name: value for name, value in body.items() if name not in lists}, lists, file)


def _request(call: Mapping[str, str]) -> Body:
    urgency = int(call["urgency"])
    hours = 8 if urgency >= 9 else 24 if urgency >= 6 else 48
    skills = call["skills"].split("|")
    is_rescue = "boat-rescue" in skills
    latitude, longitude = float(call["latitude"]), float(call["longitude"])
    request: Body = {
        "id": call["id"],
        "location": {"latitude": latitude, "longitude": longitude},
        "region": _region(latitude, longitude),
        "requested_at": call["posted_at"],
        "windows": [{"start": NOW.isoformat(), "end": (NOW + timedelta(hours=hours)).isoformat()}],
        "duration_min": int(call["duration_min"]),
        "urgency": urgency,
    }
    request |= _team(skills, int(call["headcount"]))
    if is_rescue:
        request |= {"adults_only": True, "needs_insurance": True}
    elif int(call["headcount"]) > 1:
        request["min_headcount"] = 1
    return request


def _team(skills: Sequence[str], headcount: int) -> Body:
    """Deal the skills out to the people: one has them all, a team shares them, who is left over has the first."""
    if headcount == 1 or len(skills) == 1:
        return {"skills": _skills(skills), "headcount": headcount}
    people = [tuple(skills[person::headcount]) or (skills[0],) for person in range(headcount)]
    return {"roles": [{"skills": _skills(kind), "count": people.count(kind)} for kind in dict.fromkeys(people)]}


def _group(random: np.random.Generator, offer: Mapping[str, str]) -> Iterator[Body]:
    """Yield the people behind an offer: 3 to 6, with cars, the same place and skills."""
    latitude, longitude = float(offer["latitude"]), float(offer["longitude"])
    waited = NOW - datetime.fromisoformat(offer["posted_at"])
    for member in range(1, int(random.integers(3, 7)) + 1):
        yield {
            "id": f"{offer['id']}-{member}",
            "location": {"latitude": latitude, "longitude": longitude},
            "region": _region(latitude, longitude),
            "max_distance_km": 40.0,
            "travel_mode": "car",
            "skills": _skills(offer["skills"].split("|")),
            "insured_until": "2021-12-31",
            "availability": {"extra": [{"start": NOW.isoformat(), "end": (NOW + timedelta(hours=48)).isoformat()}]},
            "max_assignments": 4,
            "max_minutes": 480,
            "recent_minutes": min(600, 8 * int(waited.total_seconds() // 3600)),
        }


def _generated(random: np.random.Generator, calls: Sequence[Mapping[str, str]]) -> Iterator[Body]:
    """Yield made-up volunteers around the places of real calls.

    Places are drawn by tenths of a degree, each weighed by the square root of its calls, since the
    geocoder piled what it did not know upon a few points.
    """
    places = np.array([(float(call["latitude"]), float(call["longitude"])) for call in calls])
    cells, cell_of_call, calls_of_cell = np.unique(places.round(1), axis=0, return_inverse=True, return_counts=True)
    share = np.sqrt(calls_of_cell) / np.sqrt(calls_of_cell).sum()
    for number in range(1, GENERATED + 1):
        cell = int(random.choice(len(cells), p=share))
        home = places[random.choice(np.flatnonzero(cell_of_call == cell))]
        latitude, longitude = np.round(home + random.normal(0, (0.02, 0.025)), 4).tolist()
        yield {
            "id": f"gen-{number:04}",
            "location": {"latitude": latitude, "longitude": longitude},
            "region": _region(latitude, longitude),
            **_travel(random),
            **_person(random),
            **_capacity(random),
        }


def _travel(random: np.random.Generator) -> Body:
    modes = list(TRAVEL_MODES)
    mode = modes[int(random.choice(len(modes), p=[share for share, _ in TRAVEL_MODES.values()]))]
    distance_km = TRAVEL_MODES[mode][1] * float(np.clip(random.lognormal(0, 0.35), 0.4, 2.5))
    return {"travel_mode": mode, "max_distance_km": round(distance_km, 1)}


def _person(random: np.random.Generator) -> Body:
    """Return skills, certificate, age, insurance: one in eight certificates and policies has run out."""
    drawn = random.random(len(SKILL_SHARE)) * 100
    codes = [code for code, draw in zip(SKILL_SHARE, drawn, strict=True) if draw < SKILL_SHARE[code]] or ["manpower"]
    has_expired, is_insured, has_consent = random.random(3) < (0.125, 0.7, 0.5)
    birth_year = int(random.integers(1952, 2006))
    person: Body = {
        "skills": _skills(codes),
        "gender": "female" if random.random() < 0.5 else "male",
        "birth_year": birth_year,
    }
    until = "2021-06-30" if has_expired else "2021-12-31"
    for skill in person["skills"]:
        if skill["code"] == "medical":
            skill["valid_until"] = until
    if is_insured:
        person["insured_until"] = until
    if birth_year >= NOW.year - 18 and has_consent:
        person["guardian_consent"] = True
    return person


def _capacity(random: np.random.Generator) -> Body:
    kind = int(random.choice(len(AVAILABILITIES), p=[share for share, _ in AVAILABILITIES]))
    return {
        "availability": AVAILABILITIES[kind][1],
        "max_assignments": int(random.integers(1, 4)),
        "max_minutes": int(random.integers(4, 13)) * 30,
        "recent_minutes": int(random.integers(0, 21)) * 30,
    }


def _skills(codes: Iterable[str]) -> list[Body]:
    return [{"code": code} for code in codes]


def _region(latitude: float, longitude: float) -> str | None:
    """Return the prefecture whose seat is nearest: near enough to add up by, no survey of borders."""
    scale = np.cos(np.radians(34.8))
    seats = {
        code: 111.2 * float(np.hypot(latitude - seat[1], (longitude - seat[2]) * scale))
        for code, seat in PREFECTURES.items()
    }
    nearest = min(seats, key=seats.__getitem__)
    return nearest if seats[nearest] <= FARTHEST_SEAT_KM else None
