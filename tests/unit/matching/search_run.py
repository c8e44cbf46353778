"""Print a digest of one search: run once compiled and once as plain Python, to compare."""

import hashlib
import json
import time

from matcher.matching import candidates, objective, prune, schedule, solver
from matcher.matching.kernels import compilation
from matcher.matching.objective import Objective
from matcher.matching.problem import compile_problem
from matcher.matching.schedule import Budget, Ground
from matcher.simulation import city, city_problem


def main() -> None:
    """Search a storm for 300 steps and print what came out."""
    instance = compile_problem(city_problem.to_problem(city.generate("Sx", 3))).instance
    edges = prune.prune(instance, candidates.candidates(instance))
    capacity, by_volunteer = prune.capacities(instance, edges)
    aim = Objective.of(instance, edges)
    flow = solver.solve(objective.network(instance, edges, aim, capacity), backend="kernel")
    found = schedule.schedule(
        Ground(instance, edges, by_volunteer, capacity, flow),
        seed=5,
        budget=Budget(steps=300, seconds=1e9, clock=time.monotonic, steps_per_round=100),
        is_optimal=lambda _: False,
        report=lambda _: None,
    )
    digest = hashlib.sha256()
    for column in (edges.volunteer, edges.cost, edges.start, *found.placement):
        digest.update(column.astype("int64").tobytes())
    print(json.dumps({"compiled": compilation.COMPILED, "merit": found.merit, "digest": digest.hexdigest()}))  # noqa: T201


if __name__ == "__main__":
    main()
