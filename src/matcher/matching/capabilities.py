"""Skills, levels, certificates, trainings, insurance, age and gender as bits of machine words.

Only what some request asks for gets a bit, so a pair is fit when ``required & ~has`` is zero,
however many skills the catalogue has. A skill has one bit for each level that is asked for, and a
volunteer carries the bits of their level and of all lower ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from matcher.domain.requests import Gender, HelpRequest, Role
from matcher.domain.volunteers import Volunteer

__all__ = ["WORD", "Capabilities", "Capability", "Kind", "is_minor", "words_of"]

WORD = 64


class Kind(StrEnum):
    """What kind of capability a bit stands for; the order is the order of refusal."""

    ADULT = "adult"
    GENDER = "gender"
    SKILL = "skill"
    TRAINING = "training"
    INSURANCE = "insurance"


@dataclass(frozen=True, slots=True)
class Capability:
    """One bit: a skill at a level, a training, insurance, being of age, or a gender."""

    kind: Kind
    code: str = ""
    level: int = 0


def is_minor(volunteer: Volunteer, year: int) -> bool:
    """Tell whether the volunteer may still be under 18: only the year of birth is known."""
    return volunteer.birth_year is not None and year - volunteer.birth_year <= 18


@dataclass(slots=True)
class Capabilities:
    """The bits of one problem, in a stated order: as they are first asked for."""

    of_bit: list[Capability] = field(default_factory=list)
    _bit_of: dict[Capability, int] = field(default_factory=dict)
    _levels: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def _bit(self, capability: Capability) -> int:
        bit = self._bit_of.get(capability)
        if bit is None:
            bit = self._bit_of[capability] = len(self.of_bit)
            self.of_bit.append(capability)
            if capability.kind is Kind.SKILL:
                self._levels.setdefault(capability.code, []).append((capability.level, bit))
        return bit

    def require(self, request: HelpRequest, role: Role) -> int:
        """Return the bits that a role asks for, as one integer; a higher level includes the lower."""
        mask = 0
        if request.adults_only:
            mask |= 1 << self._bit(Capability(Kind.ADULT))
        if role.gender is not None:
            mask |= 1 << self._bit(Capability(Kind.GENDER, role.gender.value))
        for need in role.skills:
            mask |= 1 << self._bit(Capability(Kind.SKILL, need.code, need.level))
        for training in request.trainings:
            mask |= 1 << self._bit(Capability(Kind.TRAINING, training))
        if request.needs_insurance:
            mask |= 1 << self._bit(Capability(Kind.INSURANCE))
        return mask

    def include_lower_levels(self, mask: int) -> int:
        """Add the bits of every lower level of the skills in ``mask``, once all bits are known."""
        for bit, capability in enumerate(self.of_bit):
            if mask >> bit & 1 and capability.kind is Kind.SKILL:
                for level, other in self._levels[capability.code]:
                    if level < capability.level:
                        mask |= 1 << other
        return mask

    def held(self, volunteer: Volunteer, year: int) -> Iterable[tuple[int, date | None]]:
        """Yield the bits that a volunteer holds, each with the last day on which it counts."""
        for skill in volunteer.skills:
            for level, bit in self._levels.get(skill.code, ()):
                if level <= skill.level:
                    yield bit, skill.valid_until
        if (bit_of := self._bit_of.get(Capability(Kind.ADULT))) is not None and not is_minor(volunteer, year):
            yield bit_of, None
        if volunteer.gender is not None:
            bit_of = self._bit_of.get(Capability(Kind.GENDER, Gender(volunteer.gender).value))
            if bit_of is not None:
                yield bit_of, None
        for training in volunteer.trainings:
            if (bit_of := self._bit_of.get(Capability(Kind.TRAINING, training))) is not None:
                yield bit_of, None
        if volunteer.insured_until is not None and (bit_of := self._bit_of.get(Capability(Kind.INSURANCE))) is not None:
            yield bit_of, volunteer.insured_until

    @property
    def words(self) -> int:
        """How many 64-bit words the bits take (at least one)."""
        return max(1, -(-len(self.of_bit) // WORD))

    def mask_of(self, kind: Kind) -> NDArray[np.uint64]:
        """Return the words of all bits of one kind, shape (words,)."""
        mask = sum(1 << bit for bit, capability in enumerate(self.of_bit) if capability.kind is kind)
        row: NDArray[np.uint64] = words_of([mask], self.words)[0]
        return row


def words_of(masks: list[int], words: int) -> NDArray[np.uint64]:
    """Cut integers into 64-bit words, shape (len(masks), words), lowest word first."""
    if words == 1:
        return np.array(masks, np.uint64).reshape(-1, 1)
    cut = [[mask >> (WORD * word) & (2**WORD - 1) for word in range(words)] for mask in masks]
    return np.array(cut, np.uint64).reshape(-1, words)
