"""``/v1/regions``."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from api.clients import a_client
from running import RunningService


@pytest.fixture(scope="module")
def caller(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    """Give a client whose key may do nothing in particular."""
    with a_client(service, data_dir, scopes=(), regions=("11",)) as client:
        yield client


def test_the_provinces_are_listed(caller: httpx.Client) -> None:
    page = caller.get("/v1/regions").raise_for_status().json()
    assert len(page["data"]) == 31
    assert page["data"][0] == {"code": "11", "name": "北京市", "level": "province", "parent": None}
    assert page["next_cursor"] is None


def test_the_regions_below_one_are_listed(caller: httpx.Client) -> None:
    found = caller.get("/v1/regions", params={"parent": "310101"}).json()["data"]
    assert [region["name"] for region in found[:2]] == ["南京东路街道", "外滩街道"]


def test_a_region_comes_with_those_above_it(caller: httpx.Client) -> None:
    region = caller.get("/v1/regions/310101002").json()
    assert region["name"] == "南京东路街道"
    assert [above["name"] for above in region["ancestors"]] == ["上海市", "市辖区", "黄浦区"]


def test_an_unknown_region_is_not_there(caller: httpx.Client) -> None:
    answer = caller.get("/v1/regions/310101999")
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert "310101, 黄浦区" in answer.json()["detail"]


def test_nothing_is_below_an_unknown_region(caller: httpx.Client) -> None:
    answer = caller.get("/v1/regions", params={"parent": "99"}, headers={"accept-language": "zh-CN"})
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown-region")
    assert "没有该区划代码" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/v1/regions", "/v1/regions?parent=31", "/v1/regions/31"])
def test_a_caller_may_keep_regions_for_a_day(caller: httpx.Client, path: str) -> None:
    first = caller.get(path)
    assert first.headers["cache-control"] == "private, max-age=86400"
    again = caller.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
