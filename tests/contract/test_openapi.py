"""The description that is kept is the one that the code gives."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate

from matcher.api import examples, openapi
from matcher.api.problem_body import ProblemBody
from matcher.api.problems import ErrorBody
from matcher.services.plan_body import PlanBody

KEPT = Path(__file__).parents[2] / "openapi.yaml"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load(KEPT.read_text(encoding="utf-8"))
    return read


def test_the_kept_description_is_the_current_one() -> None:
    assert KEPT.read_text(encoding="utf-8") == openapi.render(), "Out of date. Run: matcher openapi write"


def test_it_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_every_operation_has_a_name_a_summary_and_a_description(document: dict[str, Any]) -> None:
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names) > 60
    # Clients are generated from these names: they are not renamed.
    assert {"acceptOffer", "createRun", "getReadiness", "listCandidates", "matchProblem", "putVolunteer"} <= set(names)
    assert all(operation["summary"] and operation["description"] for operation in operations)


def test_every_error_is_a_problem(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            # Whoever asks for a token reads errors as RFC 6749 has them, which are problems with two fields more.
            as_oauth = {"400", "401"} if operation["operationId"] == "createToken" else set()
            for status, response in operation["responses"].items():
                if status.startswith(("4", "5")):
                    kind = "application/json" if status in as_oauth else "application/problem+json"
                    assert list(response["content"]) == [kind]


def test_every_example_fits_its_model() -> None:
    for shown, model in (
        (examples.PROBLEMS, ProblemBody),
        (examples.PLANS, PlanBody),
        (examples.ERRORS, ErrorBody),
    ):
        for example in shown.values():
            model.model_validate(example["value"])
