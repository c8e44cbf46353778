"""What compose.yaml and the Dockerfile promise, as far as it can be read without running them."""

from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]

each = pytest.mark.parametrize("name", SERVICES)


@each
def test_a_container_writes_nothing_and_may_nothing(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service


@each
def test_a_password_comes_from_outside_or_nothing_starts(name: str) -> None:
    environment = SERVICES[name]["environment"]
    passwords = [value for variable, value in environment.items() if "PASSWORD" in variable]
    assert passwords
    assert all(value.startswith("${POSTGRES_PASSWORD:?") for value in passwords)


def test_only_the_service_is_reached_from_outside_and_only_from_this_machine() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {"api": ["${MATCHER_ADDRESS:-127.0.0.1:8000}:8000"]}


def test_whatever_uses_the_schema_waits_for_it() -> None:
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


def test_the_image_runs_as_an_ordinary_user() -> None:
    final = (ROOT / "Dockerfile").read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    assert "\nUSER 10001:10001\n" in final
    assert "\nRUN pip" not in final


def test_nothing_reaches_the_build_but_what_the_image_is_made_of() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert rules[1] == "*"
