"""Examples of what client systems push, in Chinese and English."""

from typing import Any, Final

__all__ = ["REQUESTS", "REQUEST_BATCHES", "SKILLS", "VOLUNTEERS", "VOLUNTEER_BATCHES"]

Examples = dict[str, Any]

SKILLS: Final[Examples] = {
    "zh": {
        "summary": "需要资质的技能",
        "value": {"label_zh": "助浴", "label_en": "bathing", "needs_certificate": True},
    },
    "en": {"summary": "A skill that anybody may have", "value": {"label_zh": "陪聊", "label_en": "company"}},
}

_EVENINGS: Final[dict[str, Any]] = {
    "region": "310101002",
    "location": {"latitude": 31.2336, "longitude": 121.4692},
    "max_distance_km": 3.0,
    "travel_mode": "bicycle",
    "skills": [{"code": "nursing", "level": 3, "valid_until": "2027-06-30"}],
    "birth_year": 1988,
    "availability": {"weekly": [{"days": ["mon", "tue"], "start": "18:00", "end": "21:00", "calendar": "workdays"}]},
    "max_assignments_per_day": 2,
}
_WEEKENDS: Final[dict[str, Any]] = {
    "region": "310101",
    "community": "社区-07",
    "location": {"latitude": 31.2290, "longitude": 121.4751, "crs": "gcj02"},
    "max_travel_min": 20,
    "travel_mode": "walk",
    "skills": [{"code": "助浴", "valid_until": "2027-12-31"}],
    "trainings": ["急救"],
    "insured_until": "2027-05-31",
    "availability": {"weekly": [{"days": ["sat", "sun"], "start": "09:00", "end": "17:00"}]},
}

VOLUNTEERS: Final[Examples] = {
    "en": {"summary": "A nurse with free evenings", "value": _EVENINGS},
    "zh": {"summary": "周末有空的志愿者", "value": _WEEKENDS},
}
VOLUNTEER_BATCHES: Final[Examples] = {
    "two": {
        "summary": "Two volunteers · 两名志愿者",
        "value": {"volunteers": [{"external_id": "v-1024", **_EVENINGS}, {"external_id": "志愿者-甲", **_WEEKENDS}]},
    }
}

_DRESSING: Final[dict[str, Any]] = {
    "region": "310101002",
    "location": {"latitude": 31.2304, "longitude": 121.4737},
    "windows": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T12:00:00+08:00"}],
    "duration_min": 60,
    "skills": [{"code": "nursing", "level": 2}],
    "urgency": 4,
    "requester": "p-77",
}
_BATHING: Final[dict[str, Any]] = {
    "region": "310101",
    "location": {"latitude": 31.2301, "longitude": 121.4722, "crs": "gcj02"},
    "windows": [{"start": "2026-11-28T14:00:00+08:00", "end": "2026-11-28T17:00:00+08:00"}],
    "duration_min": 90,
    "roles": [{"skills": [{"code": "助浴"}], "count": 1}, {"count": 1}],
    "adults_only": True,
    "risk": "some",
    "verified": False,
    "note": "无电梯，三楼。",
}

REQUESTS: Final[Examples] = {
    "en": {"summary": "Somebody needs a dressing changed", "value": _DRESSING},
    "zh": {"summary": "两人一组的助浴服务，待核实", "value": _BATHING},
}
REQUEST_BATCHES: Final[Examples] = {
    "two": {
        "summary": "Two requests · 两条求助",
        "value": {"requests": [{"external_id": "r-2048", **_DRESSING}, {"external_id": "求助-001", **_BATHING}]},
    }
}
