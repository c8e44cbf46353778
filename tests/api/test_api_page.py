"""What docs/api.md shows works as it stands, and the examples of the description can be pushed."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.clients import a_client
from matcher.api import people_examples, request_body, volunteer_body
from matcher.api.request_body import RequestPut
from matcher.api.skills import SkillPut
from matcher.api.volunteer_body import VolunteerPut
from matcher.domain.geo import Crs
from running import RunningService

PAGE = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir) as client:
        yield client


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page uses curl")
def test_the_lines_of_the_page_work(client: httpx.Client) -> None:
    lines = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert sum(block.count("curl ") for block in lines) >= 10
    environment = {
        **os.environ,
        "BASE": str(client.base_url).rstrip("/"),
        "KEY": client.headers["authorization"].removeprefix("Bearer "),
    }
    script = "set -e\n" + "\n".join(lines)
    done = subprocess.run(["/bin/sh", "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert client.get("/v1/requests/r-2048").json()["closed_reason"] == "irrelevant"
    assert client.get("/v1/volunteers/v-1026").status_code == 200


@pytest.mark.parametrize("example", people_examples.SKILLS.values(), ids=people_examples.SKILLS)
def test_an_example_of_a_skill_fits(example: dict[str, Any]) -> None:
    SkillPut.model_validate(example["value"])


@pytest.mark.parametrize("example", people_examples.VOLUNTEERS.values(), ids=people_examples.VOLUNTEERS)
def test_an_example_of_a_volunteer_fits(example: dict[str, Any]) -> None:
    volunteer_body.put_content(VolunteerPut.model_validate(example["value"]), "v1", Crs.GCJ02)


@pytest.mark.parametrize("example", people_examples.REQUESTS.values(), ids=people_examples.REQUESTS)
def test_an_example_of_a_request_fits(example: dict[str, Any]) -> None:
    request_body.put_content(RequestPut.model_validate(example["value"]), "r1", Crs.GCJ02)


@pytest.mark.parametrize(
    ("kind", "example"),
    [("volunteers", people_examples.VOLUNTEER_BATCHES), ("requests", people_examples.REQUEST_BATCHES)],
)
def test_an_example_of_a_batch_is_taken(client: httpx.Client, kind: str, example: dict[str, Any]) -> None:
    for code in ("nursing", "助浴"):
        client.put(f"/v1/skills/{code}", json={})
    for each in example.values():
        results = client.post(f"/v1/{kind}/batch", json=each["value"]).json()["results"]
        assert {result["status"] for result in results} == {201}
