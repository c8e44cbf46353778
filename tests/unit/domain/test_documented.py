"""The tables of the documentation say what the code does; a test that fails prints the table as it should be."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from matcher.domain.events import DESCRIPTIONS, PAYLOADS, EventType, SubjectKind
from matcher.domain.offers import NEXT, STATUS_LABELS, STEPS, Action, OfferStatus, Side

DOCS = Path(__file__).parents[3] / "docs"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rule, *lines))


def statuses() -> str:
    actions = {step.to: action for action, step in STEPS.items()}
    lines = []
    for status in OfferStatus:
        following = [f"`{to}` ({actions[to]})" if to in actions else f"`{to}` (by itself)" for to in NEXT[status]]
        lines.append((f"`{status}`", STATUS_LABELS[status], ", ".join(following) or "–"))
    return table(("status", "中文", "what can follow"), lines)


def actions() -> str:
    scopes = {Side.VOLUNTEER: "offers:answer", Side.REQUESTER: "offers:write"}
    lines = [
        (
            f"`POST /v1/offers/{{id}}/{action}`",
            ", ".join(f"`{status}`" for status in OfferStatus if step.to in NEXT[status]),
            f"`{step.to}`",
            f"`{step.side}`",
            f"`{scopes[step.side]}`",
        )
        for action, step in ((action, STEPS[action]) for action in Action)
    ]
    return table(("step", "from", "to", "on behalf of", "scope"), lines)


def events() -> str:
    return table(("type", "what happened", "中文"), ((f"`{type_}`", *DESCRIPTIONS[type_]) for type_ in EventType))


def payloads() -> str:
    lines = ((f"`{kind}.*`", ", ".join(f"`{name}`" for name in sorted(PAYLOADS[kind]))) for kind in SubjectKind)
    return table(("events", "what `data` may hold"), lines)


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("lifecycle.md", statuses()),
        ("lifecycle.md", actions()),
        ("events.md", events()),
        ("events.md", payloads()),
    ],
    ids=["statuses", "actions", "events", "payloads"],
)
def test_a_table_of_the_documentation_is_as_the_code_says(page: str, expected: str) -> None:
    assert expected in (DOCS / page).read_text(encoding="utf-8"), f"docs/{page} should hold:\n\n{expected}"


def test_an_event_is_about_the_kind_of_thing_that_its_type_names() -> None:
    assert {str(type_).partition(".")[0] for type_ in EventType} == set(SubjectKind)
    assert set(DESCRIPTIONS) == set(EventType)


def test_no_payload_can_tell_a_place_or_a_note() -> None:
    told = {name for names in PAYLOADS.values() for name in names}
    assert not told & {"latitude", "longitude", "location", "place", "cell", "distance_km", "note", "requester"}


def test_every_step_can_be_taken_from_somewhere() -> None:
    for step in STEPS.values():
        assert any(step.to in following for following in NEXT.values())
