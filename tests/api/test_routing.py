"""Routes are found by the noun of their path, and all of them are found."""

import re

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from matcher.api import openapi
from matcher.api.routing import ByNoun

ROUTES = openapi.routes()


def scope(method: str, path: str) -> dict[str, object]:
    return {"type": "http", "method": method, "path": path, "root_path": ""}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.operation_id)
def test_each_route_is_found_by_a_path_of_its_kind(route: APIRoute) -> None:
    path = re.sub(r"\{[^}]+\}", "00000000-0000-4000-8000-000000000000", route.path)
    for method in route.methods or ():
        match, found = ByNoun(ROUTES).matches(scope(method, path))
        assert match is Match.FULL
        assert found["route"] is route


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/nothing", "/v1/match/", "/v1/match/nothing/at/all"])
def test_a_path_of_no_route_finds_none(path: str) -> None:
    assert ByNoun(ROUTES).matches(scope("GET", path))[0] is Match.NONE


def test_a_path_with_another_method_is_told_apart_from_no_path() -> None:
    assert ByNoun(ROUTES).matches(scope("DELETE", "/v1/match"))[0] is Match.PARTIAL
