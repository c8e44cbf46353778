"""``matcher keys``: the first key, and all those after it, on the database of the settings."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner, Result

from matcher.cli.main import app
from matcher.domain import keys
from matcher.domain.access import Scope
from matcher.domain.keys import SecretKind
from matcher.storage import keys as stored
from matcher.storage.database import Database
from matcher.storage.keys import Bearer
from matcher.storage.tables.access import KeyRow

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    environment = {"MATCHER_DATABASE_URL": database_url, "MATCHER_DATA_DIR": str(tmp_path)}
    return lambda *arguments: CliRunner().invoke(app, ["keys", *arguments], env=environment)


def create(run: Run, *arguments: str) -> str:
    """Return the secret of a new key."""
    made = run("create", *(arguments or ("--client", "station", "--region", "310114", "--all")))
    assert made.exit_code == 0, made.output
    return made.stdout.strip()


def find(database: Database, secret: str) -> tuple[Bearer, KeyRow]:
    with database.begin() as session:
        bearer = stored.find_bearer(session, SecretKind.KEY, keys.digest(secret))
        assert bearer is not None
        row = session.get_one(KeyRow, bearer.principal.key_no)
        return bearer, row


def test_a_new_key_stands_alone_on_standard_output(run: Run, database: Database) -> None:
    secret = create(run, "--client", "station", "--region", "310114", "--all")
    bearer, _ = find(database, secret)
    assert bearer.principal.scopes == frozenset(Scope)
    assert bearer.principal.regions == ("310114",)


def test_a_key_may_hold_for_some_scopes_and_everywhere(run: Run, database: Database) -> None:
    bearer, _ = find(database, create(run, "--client", "mini", "--everywhere", "--scope", "offers:read"))
    assert bearer.principal.scopes == {Scope.OFFERS_READ}
    assert bearer.principal.covers("650100")


def test_two_keys_of_one_client_belong_to_it(run: Run, database: Database) -> None:
    first, second = (find(database, create(run, "--client", "twice", "--everywhere", "--all"))[0] for _ in range(2))
    assert first.principal.client_no == second.principal.client_no


def test_a_key_expires_after_so_many_days(run: Run, database: Database) -> None:
    bearer, _ = find(database, create(run, "--client", "guest", "--everywhere", "--all", "--days", "2"))
    assert bearer.remaining_s is not None
    assert 86_400 < bearer.remaining_s <= 2 * 86_400


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--client", "a", "--all"), "either --region or --everywhere"),
        (("--client", "a", "--everywhere", "--region", "31", "--all"), "either --region or --everywhere"),
        (("--client", "a", "--everywhere"), "either --scope or --all"),
        (("--client", "a", "--region", "310199", "--all"), "3101, 市辖区"),
        (("--client", "A b", "--everywhere", "--all"), "small letters"),
        (("--client", "a", "--everywhere", "--scope", "everything"), "everything"),
    ],
)
def test_a_key_that_makes_no_sense_is_refused(run: Run, arguments: tuple[str, ...], expected: str) -> None:
    refused = run("create", *arguments)
    assert refused.exit_code == 2
    assert expected in " ".join(refused.stderr.replace("│", " ").split())


def test_the_list_shows_keys_without_their_secrets(run: Run, database: Database) -> None:
    secret = create(run, "--client", "listed", "--region", "310114", "--all", "--label", "某站")
    shown = run("list", "--client", "listed")
    assert str(find(database, secret)[1].id) in shown.stdout
    assert all(word in shown.stdout for word in ("310114", "某站", "live", "never", keys.shorten(secret)))
    assert secret not in shown.stdout


def test_the_list_may_be_of_one_client_alone(run: Run) -> None:
    create(run, "--client", "other", "--everywhere", "--all")
    assert "other" not in run("list", "--client", "station").stdout


def test_a_key_is_rotated(run: Run, database: Database) -> None:
    old = find(database, create(run))[1]
    made = run("rotate", str(old.id), "--overlap-hours", "1")
    bearer, _ = find(database, made.stdout.strip())
    assert bearer.principal.regions == ("310114",)
    assert "retiring" in run("list").stdout


def test_a_key_is_revoked(run: Run, database: Database) -> None:
    secret = create(run)
    assert run("revoke", str(find(database, secret)[1].id)).exit_code == 0
    assert find(database, secret)[0].is_revoked


def test_a_key_that_is_not_there_cannot_be_revoked(run: Run) -> None:
    refused = run("revoke", str(UUID(int=0)))
    assert refused.exit_code == 2
    assert "matcher keys list" in refused.stderr


def test_a_database_that_does_not_answer_is_said_in_a_sentence(tmp_path: Path) -> None:
    environment = {"MATCHER_DATABASE_URL": "postgresql://matcher@127.0.0.1:1/none", "MATCHER_DATA_DIR": str(tmp_path)}
    refused = CliRunner().invoke(app, ["keys", "list"], env=environment)
    assert refused.exit_code == 3
    assert "No PostgreSQL answers" in refused.stderr


def test_a_key_is_made_beside_a_running_embedded_database(tmp_path: Path) -> None:
    environment = {"MATCHER_DATA_DIR": str(tmp_path)}
    first = CliRunner().invoke(app, ["keys", "create", "--client", "a", "--everywhere", "--all"], env=environment)
    assert keys.kind_of(first.stdout.strip()) is SecretKind.KEY
