"""Every history of offers is legal: the services, driven at random beside a plain model, never differ from it.

``SOAK`` multiplies the histories.
"""

import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any, ClassVar, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

import rows
from lives import WAYS, audit, clear, run_out
from make import NOW, ZONE
from matcher.domain.errors import MatcherError, NotFoundError
from matcher.domain.offers import Action, OfferStatus, WithdrawReason
from matcher.domain.requests import CloseReason
from matcher.services import blocks, offers, requests, standings, steps
from matcher.services.steps import Actor
from matcher.storage.database import Database
from matcher.storage.tables.outcomes import OfferRow
from matcher.storage.tables.people import RequestRow, VolunteerRow

HISTORIES: Final = 6 * int(os.environ.get("SOAK", "1"))
ROUNDS_EACH: Final = 10
MOVES_EACH: Final = 12
REQUESTERS: Final = ("grandma", "grandpa")

# What leads where, in words of its own: not the table of the code.
LEADS: Final = {
    "accept": ("accepted", {"offered", "expired"}),
    "decline": ("declined", {"offered", "expired"}),
    "release": ("released", {"accepted", "in-progress"}),
    "check-in": ("in-progress", {"accepted"}),
    "check-out": ("completed", {"in-progress"}),
    "withdraw": ("withdrawn", {"offered", "accepted"}),
    "no-show": ("no-show", {"accepted"}),
    "confirm": ("confirmed", {"completed"}),
}
MINUTE: Final = timedelta(minutes=1)


@dataclass
class Person:
    """A volunteer of the model."""

    row: VolunteerRow
    a_day: int | None


@dataclass
class Wish:
    """A request of the model."""

    row: RequestRow
    requester: str
    places: int
    least: int
    closed: str | None = None


@dataclass
class Asked:
    """An offer of the model."""

    id: UUID
    wish: Wish
    person: Person
    start: datetime
    status: str = "offered"
    is_due: bool = False

    @property
    def seen(self) -> str:
        return "expired" if self.is_due and self.status == "offered" else self.status

    @property
    def holds(self) -> bool:
        return self.status in ("accepted", "in-progress")

    @property
    def counts(self) -> bool:
        return self.holds or self.status in ("completed", "confirmed")

    def clashes(self, other: "Asked") -> bool:
        return abs(self.start - other.start) < 60 * MINUTE


@dataclass
class Model:
    """What should be, by plain arithmetic over lists."""

    people: list[Person] = field(default_factory=list)
    wishes: list[Wish] = field(default_factory=list)
    offers: list[Asked] = field(default_factory=list)
    blocked: set[tuple[int, str]] = field(default_factory=set)

    def of(self, wish: Wish) -> list[Asked]:
        return [offer for offer in self.offers if offer.wish is wish]

    def taken(self, wish: Wish) -> int:
        return sum(offer.counts for offer in self.of(wish))

    def status(self, wish: Wish) -> str:
        if wish.closed is not None:
            return wish.closed
        now = Counter(offer.status for offer in self.of(wish))
        served = now["completed"] + now["confirmed"]
        if now["in-progress"] or (served and now["accepted"]):
            return "in-progress"
        if self.taken(wish) == wish.places:
            return "filled"
        return "planned" if now["offered"] else "open"

    def settle(self, wish: Wish) -> None:
        """Close what is served, and withdraw what nobody needs."""
        team = self.of(wish)
        now = Counter(offer.status for offer in team)
        served = now["completed"] + now["confirmed"]
        if wish.closed is None and served >= wish.least and not now["accepted"] and not now["in-progress"]:
            wish.closed = "completed"
        starts = {offer.start for offer in team if offer.counts}
        for offer in team:
            is_late = bool(starts) and offer.start not in starts
            if offer.status == "offered" and (wish.closed or self.taken(wish) == wish.places or is_late):
                offer.status = "withdrawn"

    def notice(self, wish: Wish) -> None:
        """Let what is due of a request expire."""
        for offer in self.of(wish):
            offer.status, offer.is_due = offer.seen, False

    def act(self, offer: Asked, action: str, now: datetime) -> str:
        """Take a step, and return the code of what comes of it."""
        to, sources = LEADS[action]
        if offer.status == to:
            return "done"
        if offer.seen not in sources:
            return "illegal-transition"
        if (refusal := self.refusal(offer, action, now)) is not None:
            return refusal
        self.notice(offer.wish)
        offer.status = to
        self.settle(offer.wish)
        return "done"

    def refusal(self, offer: Asked, action: str, now: datetime) -> str | None:
        minutes = (now - offer.start) / MINUTE
        if (action == "check-in" and minutes < -30) or (action == "no-show" and minutes < 15):
            return "too-early"
        if action != "accept":
            return None
        promises = [other for other in self.offers if other.person is offer.person and other.counts]
        that_day = [other for other in promises if day(other.start) == day(offer.start)]
        refusals = {
            "request-closed": offer.wish.closed is not None,
            "too-late": minutes > 15,
            "blocked": (offer.person.row.no, offer.wish.requester) in self.blocked,
            "asked-again": any(
                other is not offer
                and other.person is offer.person
                and other.seen in ("offered", "accepted", "in-progress")
                for other in self.of(offer.wish)
            ),
            "start-differs": any(other.counts and other.start != offer.start for other in self.of(offer.wish)),
            "volunteer-busy": any(other.holds and offer.clashes(other) for other in promises),
            "capacity-reached": offer.person.a_day is not None and len(that_day) >= offer.person.a_day,
            "filled": self.taken(offer.wish) >= offer.wish.places,
        }
        return next((code for code, applies in refusals.items() if applies), None)

    def end(self, ended: list[Asked]) -> None:
        """End live offers by nobody's fault."""
        for offer in ended:
            if offer.status in ("offered", "accepted"):
                offer.status = "withdrawn"
            elif offer.status == "in-progress":
                offer.status = "released"


def day(instant: datetime) -> object:
    return instant.astimezone(ZONE).date()


class Histories(RuleBasedStateMachine):
    """The services and the model, side by side."""

    database: ClassVar[Database]
    outcomes: ClassVar[Counter[str]]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.now = NOW
        self.principal = rows.bearer(self.database)

    @initialize(limits=st.lists(st.sampled_from([None, 1]), min_size=2, max_size=3), places=st.integers(1, 2))
    def begin(self, limits: list[int | None], places: int) -> None:
        with self.database.begin() as session:
            for limit in limits:
                row = rows.volunteer(session, self.principal.client_no, max_assignments_per_day=limit)
                self.model.people.append(Person(row, limit))
        wishes = self.wish(1, 1, "grandma"), self.wish(places, 1, "grandpa")
        for person in self.model.people:
            self.ask(wishes[0], person, 10)
            self.ask(wishes[1], person, 40)

    def wish(self, places: int, least: int, requester: str) -> Wish:
        with self.database.begin() as session:
            row = rows.request(
                session, self.principal.client_no, headcount=places, min_headcount=least, requester=requester
            )
        self.model.wishes.append(Wish(row, requester, places, least))
        return self.model.wishes[-1]

    def ask(self, of: Wish, to: Person, minutes: int) -> None:
        team = self.model.of(of)
        is_out = any(offer.person is to and (offer.holds or offer.status == "offered") for offer in team)
        if of.closed or is_out or self.model.taken(of) >= of.places:
            return
        start = self.now + minutes * MINUTE
        if any(offer.counts and offer.start != start for offer in team):
            return
        with self.database.begin() as session:
            row = rows.offer(session, of.row, to.row, starts_at=start)
            session.flush()
            loaded = standings.load(session, [of.row.no])
            standings.settle(session, loaded, steps.NOBODY, now=self.now)
        self.model.offers.append(Asked(row.id, of, to, start))

    @rule(seed=st.integers(0, 2**64 - 1))
    def go_on(self, seed: int) -> None:
        """Make some moves at random: most of them steps that the table knows, at times that are right for them."""
        random = Random(seed)  # noqa: S311 - played again, not kept secret
        moves = [self.take_known, self.take_any, self.ask_somebody, self.run_one_out, self.interfere]
        for move in random.choices(moves, weights=[8, 3, 4, 3, 2], k=MOVES_EACH):
            move(random)
            self.agree()

    def take_known(self, random: Random) -> None:
        known = [
            (offer, action)
            for offer in self.model.offers
            for action, (_, sources) in LEADS.items()
            if offer.seen in sources and action not in ("decline", "withdraw")
        ]
        if known:
            offer, action = random.choice(known)
            if random.random() < 0.8:
                self.wait_for(offer, action)
            self.try_to(offer, action)

    def take_any(self, random: Random) -> None:
        offer, action = random.choice(self.model.offers), random.choice(sorted(LEADS))
        for _ in range(random.randint(1, 2)):
            self.try_to(offer, action)

    def ask_somebody(self, random: Random) -> None:
        if random.random() < 0.3 or all(wish.closed for wish in self.model.wishes):
            places = random.randint(1, 3)
            self.wish(places, random.randint(1, places), random.choice(REQUESTERS))
        self.ask(random.choice(self.model.wishes), random.choice(self.model.people), random.choice((10, 40, 130, 1500)))

    def run_one_out(self, random: Random) -> None:
        self.run_out(random.choice(self.model.offers))

    def interfere(self, random: Random) -> None:
        person = random.choice(self.model.people)
        match random.choice(("expire", "cancel", "leave", "pause", "block", "unblock", "unblock", "wait")):
            case "expire":
                self.expire()
            case "cancel":
                self.cancel(random.choice(self.model.wishes))
            case "leave":
                self.leave(person, OfferStatus.OFFERED, OfferStatus.ACCEPTED, OfferStatus.IN_PROGRESS)
            case "pause":
                self.leave(person, OfferStatus.OFFERED)
            case "block":
                self.block(person, random.choice(REQUESTERS))
            case "unblock":
                self.unblock(person, random.choice(REQUESTERS))
            case _:
                self.now += random.choice((5, 20, 120)) * MINUTE

    def wait_for(self, offer: Asked, action: str) -> None:
        earliest = {"check-in": -30, "no-show": 15}.get(action)
        if earliest is not None:
            self.now = max(self.now, offer.start + earliest * MINUTE)

    def try_to(self, offer: Asked, action: str) -> None:
        expected = self.model.act(offer, action, self.now)
        type(self).outcomes[expected] += 1
        assert self.take(offer, action) == expected

    def take(self, offer: Asked, action: str) -> str:
        try:
            with self.database.begin(self.principal) as session:
                offers.take(session, Actor(self.principal), offer.id, Action(action), now=self.now)
        except MatcherError as error:
            return error.code
        return "done"

    def run_out(self, offer: Asked) -> None:
        run_out(self.database, offer.id)
        offer.is_due = offer.status == "offered"

    def expire(self) -> None:
        with self.database.begin() as session:
            offers.expire(session, limit=1000, now=self.now)
        for wish in self.model.wishes:
            self.model.notice(wish)
            self.model.settle(wish)

    def cancel(self, wish: Wish) -> None:
        code = "done"
        try:
            with self.database.begin(self.principal) as session:
                id_ = wish.row.external_id
                requests.cancel(session, self.principal, id_, reason=CloseReason.IRRELEVANT, now=self.now)
        except MatcherError as error:
            code = error.code
        assert code == ("illegal-transition" if wish.closed == "completed" else "done")
        if wish.closed is None:
            self.model.end(self.model.of(wish))
            wish.closed = "cancelled"

    def leave(self, person: Person, *statuses: OfferStatus) -> None:
        with self.database.begin(self.principal) as session:
            offers.withdraw_of_volunteer(
                session,
                person.row,
                reason=WithdrawReason.VOLUNTEER_PAUSED,
                now=self.now,
                principal=self.principal,
                statuses=statuses,
            )
        theirs = [offer for offer in self.model.offers if offer.person is person and offer.status in statuses]
        self.model.end(theirs)
        for offer in theirs:
            self.model.settle(offer.wish)

    def block(self, person: Person, requester: str) -> None:
        with self.database.begin(self.principal) as session:
            blocks.add(session, self.principal, person.row.external_id, requester, now=self.now)
        self.model.blocked.add((person.row.no, requester))
        for wish in self.model.wishes:
            if wish.requester == requester and wish.closed is None:
                self.model.end([offer for offer in self.model.of(wish) if offer.person is person])
                self.model.settle(wish)

    def unblock(self, person: Person, requester: str) -> None:
        is_blocked = True
        try:
            with self.database.begin(self.principal) as session:
                blocks.remove(session, self.principal, person.row.external_id, requester)
        except NotFoundError:
            is_blocked = False
        assert is_blocked == ((person.row.no, requester) in self.model.blocked)
        self.model.blocked.discard((person.row.no, requester))

    def agree(self) -> None:
        with self.database.begin() as session:
            client_no = self.principal.client_no
            found = session.execute(select(OfferRow.id, OfferRow.status).where(OfferRow.client_no == client_no))
            assert {row[0]: row[1] for row in found} == {offer.id: offer.status for offer in self.model.offers}
            stored: Any = session.execute(
                select(RequestRow.no, RequestRow.status, RequestRow.taken).where(RequestRow.client_no == client_no)
            )
            assert {no: (status, taken) for no, status, taken in stored} == {
                wish.row.no: (self.model.status(wish), [self.model.taken(wish)]) for wish in self.model.wishes
            }

    def reach(self, status: OfferStatus, number: int) -> Asked:
        """Bring an offer of a request of its own to a status."""
        self.ask(self.wish(1, 1, "grandma"), self.model.people[0], 200 * (number + 1))
        offer = self.model.offers[-1]
        for action in WAYS[status]:
            if action is None:
                self.run_out(offer)
                self.expire()
            else:
                self.wait_for(offer, action)
                self.try_to(offer, action)
        assert offer.status == status
        return offer


def play(database: Database, histories: int, *, phases: tuple[Phase, ...] = (Phase.generate, Phase.shrink)) -> None:
    Histories.database, Histories.outcomes = database, Counter()
    run_state_machine_as_test(
        Histories,
        settings=settings(
            max_examples=histories,
            stateful_step_count=ROUNDS_EACH,
            phases=phases,
            report_multiple_bugs=False,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(900)
def test_no_history_differs_from_the_model(database: Database) -> None:
    with database.begin() as session:
        clear(session)
    play(database, HISTORIES)
    with database.begin() as session:
        found = [fault for fault in audit(session) if not fault.startswith("a step without")]
    assert found == []
    # It went far enough to meet refusals of many kinds.
    assert {"done", "illegal-transition", "too-late", "blocked", "volunteer-busy"} <= set(Histories.outcomes)


@pytest.mark.parametrize("status", OfferStatus)
def test_no_step_from_any_status_differs_from_the_model(database: Database, status: OfferStatus) -> None:
    Histories.database, Histories.outcomes = database, Counter()
    machine = Histories()
    with database.begin() as session:
        machine.model.people.append(Person(rows.volunteer(session, machine.principal.client_no), None))
    for number, action in enumerate(Action):
        machine.try_to(machine.reach(status, number), action)
        machine.agree()


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("matcher.storage.places.give_back", lambda *_: None),
        ("matcher.services.standings._useless", lambda _: ()),
    ],
)
def test_the_machine_catches_a_planted_fault(
    database: Database, monkeypatch: pytest.MonkeyPatch, name: str, fault: object
) -> None:
    monkeypatch.setattr(name, fault)
    with pytest.raises(AssertionError):
        play(database, HISTORIES, phases=(Phase.generate,))
