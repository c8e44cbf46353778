"""``/v1/keys``: made, listed, rotated, revoked."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.clients import a_client
from matcher.domain.access import Scope
from running import RunningService

PATH = "/v1/keys"
SOME_KEY = "00000000-0000-4000-8000-000000000000"
FUTURE = "2099-01-01T00:00:00+08:00"


@pytest.fixture(scope="module")
def manager(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, scopes=(Scope.KEYS_MANAGE, Scope.OFFERS_READ), regions=("3101", "3202")) as client:
        yield client


def create(manager: httpx.Client, **parts: Any) -> dict[str, Any]:
    given = {"scopes": ["offers:read"], "regions": ["310101"], **parts}
    answer = manager.post(PATH, json=given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


@contextmanager
def holding(service: RunningService, made: dict[str, Any]) -> Iterator[httpx.Client]:
    """Give a client that calls with a key that was made."""
    headers = {"authorization": f"Bearer {made['secret']}", "x-forwarded-for": "203.0.113.20"}
    with httpx.Client(base_url=service.client.base_url, headers=headers) as client:
        yield client


def opens(service: RunningService, made: dict[str, Any]) -> bool:
    with holding(service, made) as client:
        return client.get("/v1/regions/31").status_code == 200


def status(manager: httpx.Client, made: dict[str, Any]) -> str:
    shown: str = manager.get(f"{PATH}/{made['id']}").raise_for_status().json()["status"]
    return shown


def test_a_new_key_opens_what_it_grants(service: RunningService, manager: httpx.Client) -> None:
    made = create(manager)
    assert opens(service, made)
    with holding(service, made) as client:
        assert client.get(PATH).json()["code"] == "scope-missing"


def test_a_new_key_says_where_it_is(manager: httpx.Client) -> None:
    answer = manager.post(PATH, json={"scopes": ["offers:read"], "regions": ["310101"], "label": "某街道站"})
    assert manager.get(answer.headers["location"]).json()["label"] == "某街道站"


def test_the_secret_is_shown_once(manager: httpx.Client) -> None:
    made = create(manager)
    shown = manager.get(f"{PATH}/{made['id']}")
    assert made["secret"] not in shown.text
    assert made["secret"] not in manager.get(PATH, params={"limit": 1000}).text
    assert made["secret"].startswith(shown.json()["hint"])


def test_regions_that_others_hold_already_are_left_out(manager: httpx.Client) -> None:
    assert create(manager, regions=["310101002", "310101", "310101", "3202"])["regions"] == ["310101", "3202"]


def test_a_key_cannot_grant_a_scope_that_it_lacks(manager: httpx.Client) -> None:
    answer = manager.post(PATH, json={"scopes": ["offers:read", "audit:read"], "regions": ["310101"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "grant-exceeded")


@pytest.mark.parametrize("region", ["*", "31", "32", "11"])
def test_a_key_cannot_grant_a_region_beyond_its_own(manager: httpx.Client, region: str) -> None:
    answer = manager.post(PATH, json={"scopes": ["offers:read"], "regions": ["310101", region]})
    assert (answer.status_code, answer.json()["code"]) == (403, "grant-exceeded")


@pytest.mark.parametrize(
    ("parts", "pointer"),
    [
        ({"regions": ["310199"]}, "/regions/0"),
        ({"regions": ["31010"]}, "/regions/0"),
        ({"regions": []}, "/regions"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["everything"]}, "/scopes/0"),
        ({"label": "a\nb"}, "/label"),
        ({"expires_at": "2020-01-01T00:00:00+08:00"}, "/expires_at"),
        ({"secret": "mine"}, "/secret"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused_with_its_place(
    manager: httpx.Client, parts: dict[str, Any], pointer: str
) -> None:
    answer = manager.post(PATH, json={"scopes": ["offers:read"], "regions": ["310101"], **parts})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-body")
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [pointer]


def test_an_unknown_region_is_refused_with_the_nearest_known_one(manager: httpx.Client) -> None:
    answer = manager.post(PATH, json={"scopes": ["offers:read"], "regions": ["310101999"]})
    assert "310101, 黄浦区" in answer.json()["errors"][0]["detail"]


def test_keys_are_listed_page_by_page_and_each_once(manager: httpx.Client) -> None:
    made = [create(manager)["id"] for _ in range(5)]
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = manager.get(PATH, params={"limit": 2, **cursor}).raise_for_status().json()
        found += [key["id"] for key in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert found[-5:] == made
    assert len(found) == len(set(found))


def test_a_key_of_another_client_system_is_not_there(
    service: RunningService, data_dir: Path, manager: httpx.Client
) -> None:
    made = create(manager)
    with a_client(service, data_dir) as stranger:
        for call in (
            stranger.get(f"{PATH}/{made['id']}"),
            stranger.post(f"{PATH}/{made['id']}/rotate"),
            stranger.post(f"{PATH}/{made['id']}/revoke"),
        ):
            assert (call.status_code, call.json()["code"]) == (404, "not-found")
        assert made["id"] not in stranger.get(PATH).text
    assert opens(service, made)


def test_a_key_for_more_than_the_own_regions_is_not_there(service: RunningService, data_dir: Path) -> None:
    name = "two-cities"
    with (
        a_client(service, data_dir, client_id=name, regions=("3101",)) as here,
        a_client(service, data_dir, client_id=name, regions=("3101", "3202")) as both,
    ):
        made = create(both, regions=["310101", "3202"])
        assert here.get(f"{PATH}/{made['id']}").status_code == 404
        assert made["id"] not in here.get(PATH).text


def test_a_revoked_key_opens_nothing_any_more(service: RunningService, manager: httpx.Client) -> None:
    made = create(manager)
    assert opens(service, made)
    assert manager.post(f"{PATH}/{made['id']}/revoke").json()["status"] == "revoked"
    assert not opens(service, made)


def test_revoking_twice_is_no_error_and_changes_nothing(manager: httpx.Client) -> None:
    made = create(manager)
    first, second = (manager.post(f"{PATH}/{made['id']}/revoke") for _ in range(2))
    assert first.json() == second.json()
    assert first.headers["etag"] == second.headers["etag"]


def test_a_rotated_key_retires_beside_its_successor(service: RunningService, manager: httpx.Client) -> None:
    old = create(manager, label="mini-program")
    new = manager.post(f"{PATH}/{old['id']}/rotate").raise_for_status().json()
    assert (new["label"], new["scopes"], new["regions"]) == (old["label"], old["scopes"], old["regions"])
    assert opens(service, old)
    assert opens(service, new)
    assert (status(manager, old), status(manager, new)) == ("retiring", "live")


def test_a_rotation_without_overlap_ends_the_old_key(service: RunningService, manager: httpx.Client) -> None:
    old = create(manager)
    manager.post(f"{PATH}/{old['id']}/rotate", json={"overlap_min": 0}).raise_for_status()
    assert not opens(service, old)
    assert status(manager, old) == "expired"


def test_a_key_is_rotated_once(manager: httpx.Client) -> None:
    old = create(manager)
    manager.post(f"{PATH}/{old['id']}/rotate").raise_for_status()
    again = manager.post(f"{PATH}/{old['id']}/rotate")
    assert (again.status_code, again.json()["code"]) == (409, "key-rotated")


def test_a_revoked_key_is_not_rotated(manager: httpx.Client) -> None:
    old = create(manager)
    manager.post(f"{PATH}/{old['id']}/revoke").raise_for_status()
    assert manager.post(f"{PATH}/{old['id']}/rotate").json()["code"] == "key-rotated"


def test_no_more_than_two_keys_of_a_line_live(manager: httpx.Client) -> None:
    first = create(manager)
    second = manager.post(f"{PATH}/{first['id']}/rotate").json()
    third = manager.post(f"{PATH}/{second['id']}/rotate").json()
    assert [status(manager, made) for made in (first, second, third)] == ["expired", "retiring", "live"]


def test_a_key_that_may_do_more_is_not_rotated_by_one_that_may_less(service: RunningService, data_dir: Path) -> None:
    name = "strong-and-weak"
    with (
        a_client(service, data_dir, client_id=name) as strong,
        a_client(service, data_dir, client_id=name, scopes=(Scope.KEYS_MANAGE,)) as weak,
    ):
        made = create(strong, scopes=["audit:read"])
        answer = weak.post(f"{PATH}/{made['id']}/rotate")
        assert (answer.status_code, answer.json()["code"]) == (403, "grant-exceeded")


def test_an_expiring_key_is_followed_by_one_that_lives_as_long(manager: httpx.Client) -> None:
    old = create(manager, expires_at=FUTURE)
    new = manager.post(f"{PATH}/{old['id']}/rotate").json()
    assert datetime.fromisoformat(new["expires_at"]) > datetime.fromisoformat(old["expires_at"])


def test_a_key_that_the_caller_has_already_is_not_sent_again(manager: httpx.Client) -> None:
    path = f"{PATH}/{create(manager)['id']}"
    tag = manager.get(path).headers["etag"]
    assert manager.get(path, headers={"if-none-match": tag}).status_code == 304
    manager.post(f"{path}/revoke")
    assert manager.get(path, headers={"if-none-match": tag}).status_code == 200


def test_the_last_use_of_a_key_is_known(service: RunningService, manager: httpx.Client) -> None:
    made = create(manager)
    assert made["last_used_at"] is None
    assert opens(service, made)
    assert manager.get(f"{PATH}/{made['id']}").json()["last_used_at"] is not None


def test_an_id_that_is_none_is_refused(manager: httpx.Client) -> None:
    assert manager.get(f"{PATH}/first").json()["code"] == "invalid-parameter"
    assert manager.get(f"{PATH}/{SOME_KEY}").json()["code"] == "not-found"
