"""Build the image, run it beside a PostgreSQL as compose.yaml would, and say what was seen: ``make image-check``.

It is no test of pytest: it takes minutes, root, and programs that few machines have.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import URL

import servers
from container import building
from container.building import CheckError, Image
from container.containers import Container, Host
from matcher.storage import embedded

_START_S = 60
_PLACE = {"latitude": 31.2304, "longitude": 121.4737, "crs": "wgs84"}
_REGION = "310101002"
_TOOLS = ("cc", "gcc", "make", "pip", "pip3")


def main() -> None:
    """Check everything, in the order in which an operator would."""
    began = time.monotonic()
    try:
        building.check_tools("buildah", "runc")
        image = building.build(os.environ.get("BASE"))
        try:
            with tempfile.TemporaryDirectory() as folder:
                _check(image, Path(folder))
        finally:
            building.clean()
    except CheckError as error:
        sys.exit(f"image-check: {error}")
    say("well", f"the image holds what it promises; {time.monotonic() - began:.0f} s in all")


def _check(image: Image, folder: Path) -> None:
    _check_contents(image)
    folder.chmod(0o755)
    programs = servers.programs() or embedded._programs()
    with servers.serving(programs, folder) as url:
        host = Host(image, folder, _environment(url))
        with host.running("api", MATCHER_PORT=str(port := servers.free_port())) as api, _client(port) as client:
            missing = _wait_ready(api, client, {"schema-behind"})
            say("before migrate", f"{missing}, on PostgreSQL {programs.parent.name.removeprefix('pginstall')}")
            say("migrate", host.once("migrate").strip())
            _wait_ready(api, client, set())
            _check_confinement(api, image)
            _check_kernels(api, image, client)
            with host.running("worker") as worker:
                _check_story(host, client)
                _stop(worker)
            _stop(api)
    data = folder / "data"
    data.mkdir(mode=0o700)
    os.chown(data, *map(int, image.config["User"].split(":")))
    _check_alone(Host(image, folder, {}), data)


def _check_contents(image: Image) -> None:
    config = image.config
    expect(config["User"] not in ("", "0", "root"), "the image runs as root")
    expect(config["StopSignal"] == "SIGTERM", "the image stops on another signal")
    expect(config["Entrypoint"] == ["matcher"] and config["Cmd"][0] == "serve", "the image starts something else")
    expect(bool(config["Healthcheck"]["Test"]), "the image has no health check")
    expect(config["Labels"]["org.opencontainers.image.title"] == "matcher", "the image has no title")
    paths = [Path(image.root, "opt/matcher/.venv/bin")]
    paths += [image.root / folder for folder in ("usr/local/bin", "usr/bin")] if "BASE" not in os.environ else []
    found = [str(path / name) for path in paths for name in _TOOLS if (path / name).exists()]
    expect(not found, f"the image holds {found}")
    size = sum(path.lstat().st_size for path in (image.root / "opt/matcher").rglob("*")) / 2**20
    say("image", f"user {config['User']}, {size:.0f} MiB on top of its base, no compiler, no pip")


def _check_confinement(api: Container, image: Image) -> None:
    status = dict(
        line.split(":\t", 1) for line in api.run("cat", "/proc/1/status").stdout.splitlines() if ":\t" in line
    )
    expect(status["Uid"].split()[0] == image.config["User"].split(":")[0], "the service runs as another user")
    expect(int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, "the service has capabilities")
    expect(status["NoNewPrivs"] == "1", "the service may gain privileges")
    expect(api.run("touch", "/opt/matcher/x").returncode != 0, "the root file system can be written")
    expect(api.run("touch", "/tmp/x").returncode == 0, "/tmp cannot be written")  # noqa: S108
    healthy = api.run(*image.config["Healthcheck"]["Test"][1:])
    expect(healthy.returncode == 0, f"the health check fails: {healthy.stderr}")
    say("confined", "read-only root, no capability, no new privileges; the health check passes")


def _check_kernels(api: Container, image: Image, client: httpx.Client) -> None:
    shipped = {path.name for path in (image.root / "opt/matcher/src").rglob("*.nbc")}
    began = time.monotonic()
    plan = client.post("/v1/match", json=_problem()).raise_for_status().json()
    took = time.monotonic() - began
    expect(plan["summary"]["proof"] == "optimal" and plan["summary"]["backend"] == "kernel", f"{plan['summary']}")
    listed = api.run("find", "/tmp", "-name", "*.nbc").stdout.split()  # noqa: S108
    used = {Path(path).name for path in listed}
    expect(bool(shipped) and used == shipped, f"kernels were compiled again: {used ^ shipped}")
    say("match", f"optimal by kernels in {took:.2f} s; {len(shipped)} pieces of machine code as shipped, none new")


def _check_story(host: Host, client: httpx.Client) -> None:
    grant = ("--client", "station", "--region", _REGION[:6], "--all")
    said = host.once("api", "keys", "create", *grant)
    secret = next(word for word in said.split() if word.startswith("mk_"))
    client.headers["authorization"] = f"Bearer {secret}"
    now = datetime.now(UTC)
    window = {"start": now.isoformat(), "end": (now + timedelta(hours=4)).isoformat()}
    person = {"region": _REGION, "location": _PLACE, "skills": [{"code": "nursing", "level": 2}], "max_distance_km": 3}
    call = {"region": _REGION, "location": _PLACE, "skills": [{"code": "nursing"}], "windows": [window]}
    for path, body in (("skills/nursing", {}), ("volunteers/v1", person), ("requests/r1", call)):
        answer = client.put(f"/v1/{path}", json=body)
        expect(answer.status_code == 201, f"{path} was not taken: {answer.text}")
    order = {"region": _REGION[:6], "mode": "publish", "horizon_start": (now + timedelta(minutes=20)).isoformat()}
    run = client.post("/v1/runs", json=order).raise_for_status().json()
    deadline = time.monotonic() + _START_S
    while run["published_at"] is None:
        expect(time.monotonic() < deadline and run["status"] != "failed", f"the run was not published: {run}")
        run = client.get(f"/v1/runs/{run['id']}", params={"wait_s": 1}).raise_for_status().json()
    expect(run["offers"] == 1, f"the run made no offer: {run}")
    (offer,) = client.get("/v1/offers").raise_for_status().json()["data"]
    taken = client.post(f"/v1/offers/{offer['id']}/accept", json={}).raise_for_status().json()
    expect(taken["status"] == "accepted", f"the offer is {taken['status']}")
    say("run", f"{run['offers']} offer made by the worker's container, and accepted")


def _check_alone(host: Host, data: Path) -> None:
    """Run it without a database: with the one that it brings, in a volume."""
    port = servers.free_port()
    settings = {"MATCHER_PORT": str(port), "MATCHER_WORKER": "true", "MATCHER_DATABASE_URL": ""}
    for said in ("made", "found again"):
        with host.running("api", data=data, **settings) as api, _client(port) as client:
            _wait_ready(api, client, set())
            say("alone", f"its own PostgreSQL was {said} in the volume")
            _stop(api)


def _environment(url: URL) -> dict[str, str]:
    """Return what compose.yaml sets, for a database on this machine."""
    address = f"postgresql://{url.username}@{url.host}:{url.port}/{url.database}"
    return {"MATCHER_DATABASE_URL": address, "PGPASSWORD": str(url.password)}


def _wait_ready(api: Container, client: httpx.Client, missing: set[str]) -> str:
    """Wait until exactly this is missing, and return it."""
    deadline = time.monotonic() + _START_S
    found: Any = "no answer"
    while time.monotonic() < deadline and api.process.poll() is None:
        try:
            answer = client.get("/health/ready")
        except httpx.TransportError:
            time.sleep(0.2)
            continue
        found = {fault["code"] for fault in answer.json().get("errors", ())}
        if found == missing:
            return f"{answer.status_code} {', '.join(sorted(found))}".strip()
        time.sleep(0.2)
    raise CheckError(f"readiness: {found} instead of {missing}")


def _stop(container: Container) -> None:
    code, took = container.stop()
    expect(code == 0, f"it ended with {code}")
    say("stop", f"SIGTERM ended it in {took:.1f} s")


@contextmanager
def _client(port: int) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        yield client


def _problem() -> dict[str, Any]:
    person = {"id": "v1", "location": _PLACE, "skills": [{"code": "nursing", "level": 2}]}
    call = {"id": "r1", "location": _PLACE, "skills": [{"code": "nursing"}]}
    return {"now": "2026-11-24T08:00:00+08:00", "requests": [call], "volunteers": [person]}


def expect(holds: bool, otherwise: str) -> None:  # noqa: FBT001 - reads like an assertion
    """Raise if something does not hold.

    Raises
    ------
    CheckError
        With what is wrong.
    """
    if not holds:
        raise CheckError(otherwise)


def say(what: str, seen: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{what:>16}  {seen}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
