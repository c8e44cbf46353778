"""One row beside everybody: the same eligible people, figures and reasons as the rules written plainly."""

from hypothesis import assume, given, settings

import make
import strategies
from matcher.domain.plans import Problem
from matcher.domain.reasons import Reason
from matcher.matching import eligibility
from matcher.matching.problem import compile_problem
from oracles import alone, reasons
from oracles.rules import Rules

PROBLEMS = strategies.problems(requests=3, volunteers=6)


@settings(max_examples=120)
@given(problem=PROBLEMS)
def test_the_eligible_and_their_figures_are_those_of_the_rules(problem: Problem) -> None:
    assume(problem.pairs is None)
    compiled = compile_problem(problem)
    found = {}
    open_rows = [row for row in range(compiled.instance.row_count) if compiled.instance.rows.places[row]]
    for row, judged in zip(open_rows, eligibility.judge(compiled, open_rows), strict=True):
        r = compiled.instance.rows.request[row]
        for v, cost, start, distance in zip(
            judged.volunteer, judged.cost, judged.start, judged.distance_m, strict=True
        ):
            place = problem.requests[r].id, row - compiled.instance.requests.row_ptr[r], problem.volunteers[v].id
            found[place] = start if start >= 0 else None, cost, distance if distance >= 0 else None
    assert found == alone.candidates(problem)


@settings(max_examples=120)
@given(problem=PROBLEMS)
def test_the_others_fail_at_the_first_constraint_that_the_rules_name(problem: Problem) -> None:
    assume(problem.pairs is None)
    compiled, rules = compile_problem(problem), Rules(problem)
    judgements = eligibility.judge(compiled, range(compiled.instance.row_count))
    for request in problem.requests:
        present = {volunteer_id for volunteer_id, _ in rules.pins.get(request.id, ())}
        for number in range(len(request.roles)):
            judged = next(judgements)
            told = {who.id: judged.reason(v) for v, who in enumerate(problem.volunteers) if who.id not in present}
            assert told == {
                who.id: reasons.refusal(rules, request, number, who)
                for who in problem.volunteers
                if who.id not in present
            }


def test_candidates_come_by_cost() -> None:
    people = [make.volunteer(f"v{n}", point=make.at_m(metres)) for n, metres in enumerate((900, 100, 500))]
    (judged,) = eligibility.judge(compile_problem(make.problem([make.request()], people)), [0])
    assert judged.volunteer.tolist() == [1, 2, 0]


def test_the_counts_name_the_skill_that_fewest_have() -> None:
    people = [make.volunteer("v0", skills=["lift"]), make.volunteer("v1", skills=["lift", "nurse"])]
    request = make.request(skills=["lift", "nurse"])
    (judged,) = eligibility.judge(compile_problem(make.problem([request], people)), [0])
    (count,) = judged.reasons()
    assert (count.code, count.skill, count.volunteers) == (Reason.SKILL_MISSING, "nurse", 1)
