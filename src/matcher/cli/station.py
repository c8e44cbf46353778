"""The second half of the demo: the same day kept by the service, from the import to the offers."""

import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import httpx
from rich.console import Console
from rich.table import Table

from matcher.cli import progress, summary
from matcher.cli.service import ServiceError
from matcher.domain.access import EVERYWHERE, Scope
from matcher.domain.geo import Crs
from matcher.domain.keys import Grant
from matcher.services import backing, keys
from matcher.settings import Settings
from matcher.storage import clients

__all__ = ["keep"]

_POLL_S: Final = 0.25
_KEY_LIVES: Final = timedelta(days=1)
# Where a request or a volunteer of no region is put: the province of the example.
_HOME: Final = "41"
_SHOWN: Final = 6
_INSTANTS: Final = frozenset({"start", "end", "requested_at"})
_DAYS: Final = frozenset({"insured_until", "valid_until"})
_NOT_KEPT: Final = ("pairs", "pinned")

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Day:
    """The day of a problem, moved by whole days to one that is still to come."""

    begins: datetime
    days: int
    years: int

    def clock(self, instant: str) -> str:
        """Return an instant as people read it where the problem is."""
        return f"{datetime.fromisoformat(instant).astimezone(self.begins.tzinfo):%m-%d %H:%M}"

    def moved(self, value: Any, name: str = "") -> Any:
        """Return a part of a body with its dates moved; hours of the week stay."""
        match value:
            case dict():
                return {key: self.moved(part, key) for key, part in value.items()}
            case list():
                return [self.moved(part) for part in value]
            case str() if name in _INSTANTS and "T" in value:
                return (datetime.fromisoformat(value) + timedelta(days=self.days)).isoformat()
            case str() if name in _DAYS:
                return (date.fromisoformat(value) + timedelta(days=self.days)).isoformat()
            case int() if name == "birth_year":
                return value + self.years
            case _:
                return value


def keep(url: str, problem: Body, wanted: Settings, console: Console, *, now: datetime) -> str | None:
    """Bring a problem in over HTTP, match it, publish it, and show what volunteers are offered.

    Returns
    -------
    str | None
        A call that accepts one of the offers, if any was made.

    Raises
    ------
    ServiceError
        If the service refuses or fails.
    """
    if any(problem.get(name) for name in _NOT_KEPT):
        console.print("Given pairs and pins are matched as they come, and not kept: there is nothing more to show.")
        return None
    day = _day(problem, now)
    secret = _key(wanted, Crs(problem.get("crs", Crs.GCJ02)), now)
    with httpx.Client(base_url=url, timeout=60.0, headers={"authorization": f"Bearer {secret}"}) as client:
        console.print()
        console.print(f"The same day, kept by the service, moved to {day.begins:%Y-%m-%d %H:%M}:")
        with console.status("Skills, volunteers and requests are brought in."):
            for code in sorted(set(_skills(problem))):
                _ask(client.put(f"/v1/skills/{code}", json={}))
            counts = {kind: _bring_in(client, kind, problem[kind], day) for kind in ("volunteers", "requests")}
        for kind, ended in counts.items():
            console.print(f"{kind}: {ended['created']:,} taken in, {ended['refused']:,} refused")
        runs = [_run(client, region, day, problem.get("options", {}), console) for region in _provinces(problem)]
        console.print(_outcome(runs))
        offers = _ask(client.get("/v1/offers", params={"limit": _SHOWN}))["data"]
        console.print(_offers(offers, day))
        console.print("Nobody is really asked: these offers wait for a client system to pass them on.")
    if not offers:
        return None
    return f"curl -X POST -H 'Authorization: Bearer {secret}' {url}/v1/offers/{offers[0]['id']}/accept"


def _day(problem: Body, now: datetime) -> _Day:
    """Return the first day, at the hour of the problem, that lies far enough ahead for people to be asked."""
    began = datetime.fromisoformat(problem["now"]) if problem.get("now") else now
    days = max(0, math.ceil((now + timedelta(hours=2) - began) / timedelta(days=1)))
    begins = began + timedelta(days=days)
    return _Day(begins, days, begins.year - began.year)


def _key(wanted: Settings, crs: Crs, now: datetime) -> str:
    """Make a client system for this demo alone, and return a key of it."""
    with backing.connect(wanted) as connected, connected.begin() as session:
        client = clients.add_if_new(session, f"demo-{now.astimezone(UTC):%Y%m%d-%H%M%S}", crs)
        grant = Grant(scopes=frozenset(Scope), regions=EVERYWHERE, label="demo", expires_at=now + _KEY_LIVES)
        return keys.issue(session, client.no, grant).secret


def _skills(problem: Body) -> Iterable[str]:
    for item in (*problem["requests"], *problem["volunteers"]):
        for wanted in (item, *(item.get("roles") or ())):
            yield from (skill["code"] for skill in wanted.get("skills") or ())


def _provinces(problem: Body) -> list[str]:
    return sorted({_region(item)[:2] for item in problem["requests"]})


def _region(item: Body) -> str:
    return str(item.get("region") or _HOME)


def _bring_in(client: httpx.Client, kind: str, items: list[Body], day: _Day) -> Body:
    """Import one list as a file of lines, and return how it ended."""
    lines = ({**day.moved(item), "external_id": item["id"], "region": _region(item)} for item in items)
    content = "\n".join(json.dumps({name: part for name, part in line.items() if name != "id"}) for line in lines)
    headers = {"content-type": "application/x-ndjson"}
    sent = client.post("/v1/imports", params={"kind": kind}, content=content.encode(), headers=headers)
    ended = _ask(sent)
    while ended["finished_at"] is None:
        ended = _ask(client.get(f"/v1/imports/{ended['id']}", params={"wait_s": 10}))
    if ended["error"]:
        raise ServiceError(f"the import of {kind} failed: {ended['error']}")
    return ended


def _run(client: httpx.Client, region: str, day: _Day, options: Body, console: Console) -> Body:
    """Match a region and publish the plan; return the run."""
    order = {"region": region, "mode": "publish", "horizon_start": day.begins.isoformat(), "options": options}
    run = _ask(client.post("/v1/runs", json=order))
    with progress.bar(console, "waiting for a worker", is_shown=True) as report:
        while run["published_at"] is None:
            if run["status"] in ("failed", "cancelled"):
                raise ServiceError(f"the run {run['id']} is {run['status']}: {(run['problem'] or {}).get('detail')}")
            if run["progress"]:
                report(run["progress"]["stage"], run["progress"]["fraction"])
            time.sleep(_POLL_S)
            run = _ask(client.get(f"/v1/runs/{run['id']}"))
    return run


def _ask(answer: httpx.Response) -> Body:
    if answer.is_error:
        raise ServiceError(f"the service answered {answer.status_code}: {answer.json()['detail']}")
    told: Body = answer.json()
    return told


def _outcome(runs: Iterable[Mapping[str, Any]]) -> Table:
    made = summary.table("Runs over what is kept", "region", "requests served", "urgency served", "gap", "offers made")
    for run in runs:
        reached = run["summary"]
        made.add_row(
            run["region"],
            f"{reached['served_requests']:,} of {reached['requests']:,}",
            f"{reached['served_urgency']:,} of at most {reached['urgency_bound']:,}",
            f"{reached['gap']:.2%}",
            f"{run['offers']:,}, {run['left_out_count']:,} left out",
        )
    return made


def _offers(offers: Iterable[Mapping[str, Any]], day: _Day) -> Table:
    title = "The first offers, as a volunteer's side sees them"
    made = summary.table(title, "request", "volunteer", "start", "place", "open until")
    for offer in offers:
        place, starts_at = offer["place"], offer["starts_at"]
        made.add_row(
            offer["request_id"],
            offer["volunteer_id"],
            "any time" if starts_at is None else day.clock(starts_at),
            "none" if place is None else f"within {place['radius_m']:,} m, {offer['distance_km'] or 0:.1f} km away",
            day.clock(offer["expires_at"]),
        )
    return made
