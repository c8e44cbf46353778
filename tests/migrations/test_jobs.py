"""The tables of jobs are those that the installed procrastinate works with."""

from importlib import resources, util
from pathlib import Path

from sqlalchemy import text

from matcher.storage.database import Database

REVISION = next(Path(__file__).parents[2].glob("migrations/versions/*_complete_jobs.py"))


def test_every_step_that_comes_with_procrastinate_is_in_a_revision() -> None:
    spec = util.spec_from_file_location("complete_jobs", REVISION)
    assert spec is not None
    assert spec.loader is not None
    revision = util.module_from_spec(spec)
    spec.loader.exec_module(revision)
    steps = {step.name for step in (resources.files("procrastinate.sql") / "migrations").iterdir()}
    assert max(step for step in steps if step.endswith(".sql")) == revision.LAST_STEP, (
        "a newer procrastinate brought steps: write a revision that applies them, after LAST_STEP of this one"
    )


def test_every_function_of_jobs_looks_at_home_and_is_closed_to_others(database: Database) -> None:
    with database.begin() as session:
        functions = session.execute(
            text(
                "SELECT proname, proconfig, has_function_privilege('public', oid, 'EXECUTE') FROM pg_proc"
                " WHERE pronamespace = 'jobs'::regnamespace"
            )
        ).all()
    assert len(functions) > 10
    for name, configuration, is_public in functions:
        assert "search_path=jobs, pg_temp" in configuration, name
        assert not is_public, name
