"""The catalogue of skills over HTTP."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import pushed
from api.clients import a_client
from matcher.domain.access import Scope
from running import RunningService

CLIENT = "skills"


@pytest.fixture(scope="module")
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


@pytest.fixture
def code(client: httpx.Client) -> str:
    """Return the code of a new skill."""
    code = f"skill-{uuid.uuid4().hex[:8]}"
    assert client.put(f"/v1/skills/{code}", json={"label_zh": "护理"}).status_code == 201
    return code


def test_a_skill_has_labels_in_both_languages(client: httpx.Client) -> None:
    body = {"label_zh": "助浴", "label_en": "bathing", "needs_certificate": True}
    made = client.put("/v1/skills/bathing", json=body)
    assert made.status_code == 201
    assert made.headers["etag"] == '"1"'
    assert body.items() <= client.get("/v1/skills/bathing").json().items()


def test_the_same_skill_again_changes_nothing(client: httpx.Client, code: str) -> None:
    again = client.put(f"/v1/skills/{code}", json={"label_zh": "护理"})
    assert (again.status_code, again.headers["etag"]) == (200, '"1"')


def test_another_label_needs_the_version_that_it_is_meant_for(client: httpx.Client, code: str) -> None:
    answers = [
        client.put(f"/v1/skills/{code}", json={"label_zh": "看护"}, headers=headers)
        for headers in ({}, {"if-match": '"7"'}, {"if-match": '"1"'})
    ]
    assert [answer.status_code for answer in answers] == [428, 412, 200]
    assert answers[2].headers["etag"] == '"2"'


def test_a_new_skill_meets_no_version(client: httpx.Client) -> None:
    assert client.put("/v1/skills/fresh", json={}, headers={"if-match": '"1"'}).status_code == 412
    assert client.get("/v1/skills/fresh").status_code == 404


def test_a_catalogue_comes_page_by_page_in_the_order_of_its_codes(service: RunningService, data_dir: Path) -> None:
    with a_client(service, data_dir) as client:
        for code in ("c", "a", "b"):
            client.put(f"/v1/skills/{code}", json={})
        first = client.get("/v1/skills", params={"limit": 2}).json()
        second = client.get("/v1/skills", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [skill["code"] for skill in first["data"] + second["data"]] == ["a", "b", "c"]
    assert second["next_cursor"] is None


def test_a_skill_that_nobody_names_is_deleted(client: httpx.Client, code: str) -> None:
    assert client.delete(f"/v1/skills/{code}").status_code == 204
    assert client.get(f"/v1/skills/{code}").status_code == 404


@pytest.mark.parametrize("kind", ["volunteers", "requests"])
def test_a_skill_that_somebody_names_stays(client: httpx.Client, code: str, kind: str) -> None:
    body = pushed.volunteer() if kind == "volunteers" else pushed.request()
    assert client.put(f"/v1/{kind}/of-{code}", json=body | {"skills": [{"code": code}]}).status_code == 201
    answer = client.delete(f"/v1/skills/{code}")
    assert (answer.status_code, answer.json()["code"]) == (409, "skill-in-use")


def test_a_skill_that_is_named_outside_the_keys_regions_stays(
    service: RunningService, data_dir: Path, client: httpx.Client, code: str
) -> None:
    client.put(f"/v1/volunteers/of-{code}", json=pushed.volunteer(skills=[{"code": code}]))
    with a_client(service, data_dir, client_id=CLIENT, regions=("310104",)) as elsewhere:
        assert elsewhere.delete(f"/v1/skills/{code}").status_code == 409


def test_the_catalogue_of_another_client_system_is_not_there(
    service: RunningService, data_dir: Path, code: str
) -> None:
    with a_client(service, data_dir) as other:
        assert other.get(f"/v1/skills/{code}").status_code == 404
        assert other.put("/v1/volunteers/v1", json=pushed.volunteer(skills=[{"code": code}])).status_code == 422


def test_any_key_reads_the_catalogue_but_few_change_it(service: RunningService, data_dir: Path, code: str) -> None:
    with a_client(service, data_dir, client_id=CLIENT, scopes=(Scope.EVENTS_READ,)) as reader:
        assert reader.get(f"/v1/skills/{code}").status_code == 200
        assert reader.put(f"/v1/skills/{code}", json={}).status_code == 403
        assert reader.delete(f"/v1/skills/{code}").status_code == 403
