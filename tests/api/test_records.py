"""Records over HTTP, and their export as anybody can check it without the service."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from typer.testing import CliRunner

import rows
from api.clients import a_client
from lives import Life, a_volunteer, live
from matcher.cli.main import app
from matcher.domain.access import Principal, Scope
from matcher.domain.offers import OfferStatus
from matcher.storage import database
from matcher.storage.database import Database
from running import RunningService

CLIENT: Final = "records"


@pytest.fixture(scope="module")
def connected(service: RunningService, data_dir: Path) -> Iterator[Database]:  # noqa: ARG001 - it makes the data
    with database.connect(None, data_dir) as connected:
        yield connected


@pytest.fixture(scope="module")
def principal(connected: Database) -> Principal:
    return rows.bearer(connected, client_id=CLIENT)


@pytest.fixture(scope="module")
def client(service: RunningService, data_dir: Path) -> Iterator[httpx.Client]:
    with a_client(service, data_dir, client_id=CLIENT) as client:
        yield client


@pytest.fixture
def served(connected: Database, principal: Principal) -> Life:
    return serve(connected, principal, a_volunteer(connected, principal))


def serve(connected: Database, principal: Principal, volunteer: Any, *, hours: int = 0) -> Life:
    start = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=1) + timedelta(hours=hours)
    return live(connected, principal, volunteer=volunteer, start=start).reach(OfferStatus.CONFIRMED)


def volunteer_of(client: httpx.Client, life: Life) -> str:
    return str(client.get(f"/v1/offers/{life.id}").json()["volunteer_id"])


def record_of(client: httpx.Client, life: Life) -> dict[str, Any]:
    page = client.get("/v1/records", params={"volunteer_id": volunteer_of(client, life)}).json()
    (record,) = page["data"]
    return dict(record)


def correct(client: httpx.Client, id_: str, minutes: int, **headers: str) -> httpx.Response:
    body = {"minutes": minutes, "reason": "check-out-missed"}
    return client.post(f"/v1/records/{id_}/corrections", json=body, headers=headers)


def test_a_record_says_who_when_where_how_long_and_what_it_rests_on(client: httpx.Client, served: Life) -> None:
    record = record_of(client, served)
    assert (record["minutes"], record["region"]) == (61, rows.REGION)
    assert record["evidence"]["offer_id"] == str(served.id)
    assert None not in record["evidence"].values()
    assert record["request_id"] == served.request.external_id


def test_a_record_is_corrected_with_its_history(client: httpx.Client, served: Life) -> None:
    id_ = record_of(client, served)["id"]
    answer = correct(client, id_, 90)
    assert answer.status_code == 201
    body = client.get(f"/v1/records/{id_}").json()
    assert body == answer.json()
    assert [(entry["kind"], entry["minutes"]) for entry in body["history"]] == [
        ("service", 61),
        ("confirmation", 61),
        ("correction", 90),
    ]
    assert body["minutes"] == 90


def test_a_correction_that_comes_again_is_made_once(client: httpx.Client, served: Life) -> None:
    id_ = record_of(client, served)["id"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: correct(client, id_, 70, **{"idempotency-key": f"c-{id_}"}), range(4)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(client.get(f"/v1/records/{id_}").json()["history"]) == 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"minutes": -1, "reason": "other"}, "/minutes"),
        ({"minutes": 1.5, "reason": "other"}, "/minutes"),
        ({"minutes": 10, "reason": "because Mrs Wang said so"}, "/reason"),
        ({"minutes": 10}, "/reason"),
    ],
)
def test_a_correction_that_cannot_be_read_is_refused(
    client: httpx.Client, served: Life, body: dict[str, Any], pointer: str
) -> None:
    id_ = record_of(client, served)["id"]
    answer = client.post(f"/v1/records/{id_}/corrections", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == pointer


def test_a_window_chooses_records(client: httpx.Client, served: Life) -> None:
    record = record_of(client, served)
    for query, count in (
        ({"start": record["starts_at"]}, 1),
        ({"end": record["starts_at"]}, 0),
        ({"region": rows.REGION}, 1),
        ({"region": "3202"}, 0),
    ):
        page = client.get("/v1/records", params={"volunteer_id": record["volunteer_id"], **query}).json()
        assert len(page["data"]) == count


def test_a_record_of_others_does_not_exist(
    client: httpx.Client, served: Life, service: RunningService, data_dir: Path
) -> None:
    record = record_of(client, served)
    paths = [f"/v1/records/{record['id']}", f"/v1/volunteers/{record['volunteer_id']}/records/export"]
    with a_client(service, data_dir) as stranger:
        assert [stranger.get(path).status_code for path in paths] == [404, 404]
        assert correct(stranger, record["id"], 1).status_code == 404
        assert stranger.get("/v1/records").json()["data"] == []
    with a_client(service, data_dir, client_id=CLIENT, regions=("3202",)) as elsewhere:
        assert [elsewhere.get(path).status_code for path in paths] == [404, 404]
        assert correct(elsewhere, record["id"], 1).status_code == 404
        assert elsewhere.get("/v1/records").json()["data"] == []


def test_whoever_reads_records_corrects_none(
    client: httpx.Client, served: Life, service: RunningService, data_dir: Path
) -> None:
    id_ = record_of(client, served)["id"]
    with a_client(service, data_dir, client_id=CLIENT, scopes=(Scope.RECORDS_READ,)) as reader:
        assert correct(reader, id_, 1).status_code == 403


@pytest.fixture
def volunteer_id(client: httpx.Client, connected: Database, principal: Principal) -> str:
    """Return a volunteer with two services, one of them corrected."""
    volunteer = a_volunteer(connected, principal)
    serve(connected, principal, volunteer)
    serve(connected, principal, volunteer, hours=5)
    first = client.get("/v1/records", params={"volunteer_id": volunteer.external_id}).json()["data"][0]
    correct(client, first["id"], 59).raise_for_status()
    return volunteer.external_id


def export(client: httpx.Client, volunteer_id: str, format_: str, folder: Path) -> Path:
    answer = client.get(f"/v1/volunteers/{volunteer_id}/records/export", params={"format": format_})
    assert answer.status_code == 200, answer.text
    file = folder / f"records.{format_}"
    file.write_bytes(answer.content)
    return file


def check(file: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["records", "check", str(file), *options])
    return done.exit_code, " ".join(done.output.split())


@pytest.mark.parametrize("format_", ["json", "csv"])
def test_an_export_holds_as_it_came(client: httpx.Client, volunteer_id: str, format_: str, tmp_path: Path) -> None:
    code, said = check(export(client, volunteer_id, format_, tmp_path))
    assert (code, said.split(" the chain")[0]) == (0, "5 entries, 120 minutes (2.00 hours):")


@pytest.mark.parametrize("format_", ["json", "csv"])
@pytest.mark.parametrize(("before", "after"), [("61", "611"), ("confirmation", "correction"), ("31010", "31011")])
def test_a_changed_export_is_broken(
    client: httpx.Client, volunteer_id: str, tmp_path: Path, format_: str, before: str, after: str
) -> None:
    file = export(client, volunteer_id, format_, tmp_path)
    content = file.read_text()
    assert before in content
    file.write_text(content.replace(before, after, 1))
    code, said = check(file)
    assert code == 3
    assert "the chain is broken at entry" in said


def test_a_line_left_out_is_broken(client: httpx.Client, volunteer_id: str, tmp_path: Path) -> None:
    file = export(client, volunteer_id, "csv", tmp_path)
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines[:2] + lines[3:]))
    code, said = check(file)
    assert code == 3
    assert "at entry 2: entry 3 stands where entry 2 should" in said


def test_an_end_that_was_cut_off_shows_by_the_last_hash(
    client: httpx.Client, volunteer_id: str, tmp_path: Path
) -> None:
    full = export(client, volunteer_id, "csv", tmp_path)
    code, said = check(full)
    assert code == 0
    last = said.rsplit(" ", 1)[1]
    assert check(full, "--last-hash", last)[0] == 0
    full.write_text("".join(full.read_text().splitlines(keepends=True)[:-1]))
    assert check(full)[0] == 0
    assert check(full, "--last-hash", last)[0] == 3


def test_a_changed_total_is_found(client: httpx.Client, volunteer_id: str, tmp_path: Path) -> None:
    file = export(client, volunteer_id, "json", tmp_path)
    file.write_text(file.read_text().replace('"total_minutes":120', '"total_minutes":1200'))
    code, said = check(file)
    assert code == 3
    assert "total_minutes says 1200, the entries say 120" in said


@pytest.mark.parametrize("content", ["", "{}", "a,b\n1,2\n", '{"entries": 3}', "nothing"])
def test_a_file_that_is_no_export_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "records"
    file.write_text(content)
    code, said = check(file)
    assert code == 2
    assert "this is no export of records" in said


def test_a_volunteer_who_never_served_has_an_empty_export(
    client: httpx.Client, connected: Database, principal: Principal, tmp_path: Path
) -> None:
    name = a_volunteer(connected, principal).external_id
    for format_ in ("json", "csv"):
        assert check(export(client, name, format_, tmp_path))[0] == 0
