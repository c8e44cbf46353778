"""Taking in what client systems push: checked item by item, written together, each with what came of it."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from matcher.domain.access import Principal
from matcher.domain.errors import Fault, MatcherError, NotFoundError, OutsideGrantError, Text, UnknownSkillError
from matcher.storage import skills
from matcher.storage.database import Session
from matcher.storage.upserts import Item, Upsert

__all__ = ["DuplicateIdError", "Effect", "Result", "write"]

Content = Mapping[str, Any]
# Where a content names which skill, as pointers into what was sent.
Named = Callable[[Content], Iterator[tuple[str, str]]]

_FIRST_VERSION: Final = 1


class DuplicateIdError(MatcherError):
    """An id comes twice in one batch: which of the two counts would be a guess."""

    code = "duplicate-id"


class Effect(StrEnum):
    """What came of an item.

    ``held`` says that it would change something of which another version was meant.
    """

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    HELD = "held"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one item, and the version that there is now; refused ones have an error instead."""

    effect: Effect
    version: int | None = None
    error: MatcherError | None = None


def write(
    session: Session,
    principal: Principal,
    upsert: Upsert,
    contents: Sequence[Content],
    *,
    named: Named,
    versions: Collection[int] | None,
    now: datetime,
) -> list[Result]:
    """Write contents, and return what came of each, in their order.

    Parameters
    ----------
    named
        Tells where in a content which skill is named.
    versions
        Only things of one of these versions are changed; None stands for any.
    """
    errors = _check(session, principal, contents, named)
    items = [upsert.item(content) for content, error in zip(contents, errors, strict=True) if error is None]
    done = _write(session, principal, upsert, items, versions, now) if items else {}
    return [
        done[content["external_id"]] if error is None else Result(Effect.REFUSED, error=error)
        for content, error in zip(contents, errors, strict=True)
    ]


def _write(
    session: Session,
    principal: Principal,
    upsert: Upsert,
    items: list[Item],
    versions: Collection[int] | None,
    now: datetime,
) -> dict[str, Result]:
    written = upsert.write(session, principal, items, versions=versions, now=now)
    left = [item for item in items if item.external_id not in written]
    present = upsert.look(session, principal, left) if left else {}
    done = {
        external_id: Result(Effect.CREATED if version == _FIRST_VERSION else Effect.UPDATED, version)
        for external_id, version in written.items()
    }
    for item in left:
        there = present.get(item.external_id)
        if there is None:
            done[item.external_id] = Result(Effect.REFUSED, error=_elsewhere())
        else:
            done[item.external_id] = Result(Effect.UNCHANGED if there.is_same else Effect.HELD, there.version)
    return done


def _check(
    session: Session, principal: Principal, contents: Sequence[Content], named: Named
) -> list[MatcherError | None]:
    """Return for each content why it cannot be written, or None."""
    codes = {code for content in contents for code in content["skill_codes"]}
    known = skills.hold_known(session, principal.client_no, codes) if codes else set[str]()
    seen: set[str] = set()
    errors: list[MatcherError | None] = []
    for content in contents:
        errors.append(_error(principal, content, known, seen, named))
        seen.add(content["external_id"])
    return errors


def _error(
    principal: Principal, content: Content, known: set[str], seen: set[str], named: Named
) -> MatcherError | None:
    if content["external_id"] in seen:
        return DuplicateIdError(
            Text(
                en="This id comes before in the same batch. Send each thing once.",
                zh="同一批次中该编号已出现过。每项只发送一次。",
            )
        )
    if not principal.covers(content["region"]):
        return OutsideGrantError([Fault("/region", "region-outside-grant", _outside(content["region"]))])
    if not known >= set(content["skill_codes"]):
        return UnknownSkillError(
            [Fault(pointer, "unknown-skill", _unknown(code)) for pointer, code in named(content) if code not in known]
        )
    return None


def _outside(region: str) -> Text:
    return Text(
        en="The key does not hold for the region {region}. Use one that does.",
        zh="密钥不包含区域 {region}。请使用包含该区域的密钥。",
        values={"region": region},
    )


def _unknown(code: str) -> Text:
    return Text(
        en="The catalogue has no skill {code}: add it with PUT /v1/skills/{code}, or correct the code.",
        zh="技能目录中没有 {code}：请用 PUT /v1/skills/{code} 添加，或更正代码。",
        values={"code": code},
    )


def _elsewhere() -> NotFoundError:
    # Whose it is stays untold: it lies outside the grants of the key.
    return NotFoundError(Text(en="There is nothing with this id for this key.", zh="该密钥下没有此编号的内容。"))
