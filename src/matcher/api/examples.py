"""Examples of the description, in Chinese and English."""

from typing import Any, Final

__all__ = ["ERRORS", "PLANS", "PROBLEMS"]

_PROBLEM: Final[dict[str, Any]] = {
    "now": "2026-11-24T08:00:00+08:00",
    "time_zone": "Asia/Shanghai",
    "crs": "gcj02",
    "requests": [
        {
            "id": "r1",
            "location": {"latitude": 31.2304, "longitude": 121.4737},
            "region": "310101002",
            "windows": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T12:00:00+08:00"}],
            "duration_min": 60,
            "skills": [{"code": "nursing", "level": 2}],
            "urgency": 4,
        },
        {
            "id": "r2",
            "location": {"latitude": 31.2301, "longitude": 121.4722},
            "region": "310101002",
            "windows": [{"start": "2026-11-24T14:00:00+08:00", "end": "2026-11-24T16:00:00+08:00"}],
            "duration_min": 30,
            "skills": [{"code": "electrician"}],
        },
    ],
    "volunteers": [
        {
            "id": "v1",
            "location": {"latitude": 31.2336, "longitude": 121.4692},
            "max_distance_km": 3.0,
            "travel_mode": "bicycle",
            "skills": [{"code": "nursing", "level": 3, "valid_until": "2027-06-30"}],
            "availability": {
                "weekly": [{"days": ["mon", "tue"], "start": "09:00", "end": "18:00", "calendar": "workdays"}]
            },
            "max_assignments": 3,
        }
    ],
}

_CHINESE_PROBLEM: Final[dict[str, Any]] = {
    "now": "2026-11-24T08:00:00+08:00",
    "requests": [
        {
            "id": "求助-001",
            "location": {"latitude": 31.2304, "longitude": 121.4737, "crs": "gcj02"},
            "windows": [{"start": "2026-11-24T09:00:00+08:00", "end": "2026-11-24T12:00:00+08:00"}],
            "duration_min": 90,
            "roles": [{"skills": [{"code": "助浴"}], "count": 1}, {"skills": [], "count": 1}],
            "urgency": 6,
            "adults_only": True,
        }
    ],
    "volunteers": [
        {"id": "志愿者-甲", "location": {"latitude": 31.2336, "longitude": 121.4692}, "skills": [{"code": "助浴"}]},
        {"id": "志愿者-乙", "location": {"latitude": 31.2290, "longitude": 121.4751}, "travel_mode": "walk"},
    ],
}

_GIVEN_COSTS: Final[dict[str, Any]] = {
    "requests": [{"id": "job-1"}, {"id": "job-2"}],
    "volunteers": [{"id": "agent-1", "max_minutes": 90}, {"id": "agent-2", "max_minutes": 90}],
    "pairs": [
        {"request_id": "job-1", "volunteer_id": "agent-1", "cost": 17, "duration_min": 50},
        {"request_id": "job-1", "volunteer_id": "agent-2", "cost": 21, "duration_min": 40},
        {"request_id": "job-2", "volunteer_id": "agent-1", "cost": 15, "duration_min": 60},
    ],
}

PROBLEMS: Final[dict[str, Any]] = {
    "two-requests": {"summary": "Two requests, one volunteer", "value": _PROBLEM},
    "zh": {"summary": "两人一组的助浴服务", "value": _CHINESE_PROBLEM},
    "given-costs": {"summary": "A generalized assignment problem with given costs", "value": _GIVEN_COSTS},
}

PLANS: Final[dict[str, Any]] = {
    "two-requests": {
        "summary": "One is served, the other says why not",
        "value": {
            "assignments": [
                {
                    "request_id": "r1",
                    "volunteer_id": "v1",
                    "role": 0,
                    "start": "2026-11-24T09:00:00+08:00",
                    "end": "2026-11-24T10:00:00+08:00",
                    "distance_km": 0.557,
                    "travel_min": 3,
                    "cost": 445,
                    "cost_terms": {"travel": 445, "delay": 0, "overqualification": 0, "load": 0, "preference": 0},
                    "pinned": False,
                }
            ],
            "unassigned": [
                {
                    "request_id": "r2",
                    "missing_headcount": 1,
                    "reasons": [{"code": "skill-missing", "volunteers": 1, "skill": "electrician", "level": 1}],
                    "nearest_fix": {
                        "code": "add-volunteer",
                        "skill": "electrician",
                        "level": 1,
                        "start": "2026-11-24T14:00:00+08:00",
                        "end": "2026-11-24T14:30:00+08:00",
                    },
                }
            ],
            "summary": {
                "requests": 2,
                "volunteers": 1,
                "served_requests": 1,
                "served_urgency": 4,
                "urgency_bound": 4,
                "filled_places": 1,
                "total_cost": 445,
                "cost_bound": 445,
                "gap": 0.0,
                "cost_gap": 0.0,
                "proof": "optimal",
                "candidates": 1,
                "iterations": 0,
                "stopped_by": "optimal",
                "backend": "kernel",
                "points_per_urgency": 5446,
                "calendar_official": True,
                "timings_s": {"candidates": 0.001, "flow": 0.0, "schedule": 0.0},
                "seed": 1,
            },
            "prices": {"requests": {"r1": 445, "r2": 5446}, "volunteers": {"v1": 0}},
            "shortage": [
                {
                    "region": "310101002",
                    "skill": "electrician",
                    "day": "2026-11-24",
                    "unserved_urgency": 1,
                    "value_of_one_more": 1,
                }
            ],
        },
    }
}

ERRORS: Final[dict[str, Any]] = {
    "en": {
        "summary": "In English",
        "value": {
            "type": "urn:problem-type:matcher:invalid-problem",
            "title": "The problem cannot be read",
            "status": 422,
            "code": "invalid-problem",
            "detail": "/requests/0/urgency: Expected 1000 or less.",
            "instance": "/v1/match",
            "request_id": "7f0c2f5e0d1b4f5a9d3c1a2b3c4d5e6f",
            "errors": [{"pointer": "/requests/0/urgency", "code": "out-of-range", "detail": "Expected 1000 or less."}],
        },
    },
    "zh": {
        "summary": "中文（Accept-Language: zh-CN）",
        "value": {
            "type": "urn:problem-type:matcher:invalid-problem",
            "title": "无法读取该问题",
            "status": 422,
            "code": "invalid-problem",
            "detail": "/requests/0/urgency：应不大于 1000。",
            "instance": "/v1/match",
            "request_id": "7f0c2f5e0d1b4f5a9d3c1a2b3c4d5e6f",
            "errors": [{"pointer": "/requests/0/urgency", "code": "out-of-range", "detail": "应不大于 1000。"}],
        },
    },
}
