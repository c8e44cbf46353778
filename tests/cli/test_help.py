"""What ``--help`` teaches."""

import pytest
from typer.testing import CliRunner

from matcher.api.columns import PAIRS, REQUESTS, VOLUNTEERS, Table
from matcher.cli.main import app

COMMANDS = ("match", "generate", "verify", "serve", "worker", "demo")


def _help(*arguments: str) -> str:
    shown = CliRunner().invoke(app, [*arguments, "--help"])
    assert shown.exit_code == 0
    return shown.stdout


def test_the_first_help_lists_the_commands_and_the_exit_codes() -> None:
    shown = _help()
    assert [command for command in (*COMMANDS, "openapi", "warm", "version") if f" {command} " not in shown] == []
    assert "2: bad usage or bad input" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_a_command_has_an_example(command: str) -> None:
    shown = _help(command)
    assert "Example" in shown
    assert f"matcher {command}" in shown.partition("Example")[2]


@pytest.mark.parametrize("table", [REQUESTS, VOLUNTEERS, PAIRS], ids=lambda table: table.name)
def test_the_help_of_match_names_every_column_in_order(table: Table) -> None:
    shown = " ".join(_help("match").split())
    assert ", ".join(table.columns) in shown


def test_no_arguments_show_the_help_and_fail() -> None:
    shown = CliRunner().invoke(app, [])
    assert shown.exit_code == 2
    assert "matcher demo" in shown.output
