"""Complete the tables of jobs, and say who may do what with them.

They are made by the steps that came with procrastinate up to the one named here. A newer
procrastinate brings more steps, which want a revision of their own; a test says so.
"""

from importlib import resources

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STEP_BEFORE = "02.06.00_01_add_cancel_states.sql"
LAST_STEP = "03.04.00_50_post_add_retry_failed_job_procedure.sql"

# A job that waits already is locked against being started: it has to see what this transaction wrote.
DEFER = """
CREATE FUNCTION jobs.defer(
    task text, args jsonb, lock text, queueing_lock text, scheduled_at timestamptz, priority integer
) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path = jobs, pg_temp AS $$
#variable_conflict use_column
DECLARE
    job bigint;
BEGIN
    LOOP
        INSERT INTO procrastinate_jobs (queue_name, task_name, args, lock, queueing_lock, scheduled_at, priority)
        VALUES (
            'default', defer.task, defer.args, defer.lock, defer.queueing_lock, defer.scheduled_at, defer.priority
        )
        ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
        RETURNING id INTO job;
        IF job IS NOT NULL THEN
            RETURN job;
        END IF;
        PERFORM FROM procrastinate_jobs AS waiting
        WHERE waiting.queueing_lock = defer.queueing_lock AND waiting.status = 'todo'
        FOR SHARE;
        IF FOUND THEN
            RETURN NULL;
        END IF;
    END LOOP;
END;
$$
"""

# Triggers name their tables without a schema; whoever fires them may look elsewhere.
AT_HOME = """
DO $$
DECLARE
    each regprocedure;
BEGIN
    FOR each IN SELECT oid FROM pg_proc WHERE pronamespace = 'jobs'::regnamespace LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = jobs, pg_temp', each);
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', each);
    END LOOP;
END
$$
"""

# Who serves a key hands jobs in, and reads none.
GRANTS = (
    "GRANT USAGE ON SCHEMA jobs TO matcher_system, matcher_tenant",
    "GRANT ALL ON ALL TABLES IN SCHEMA jobs TO matcher_system",
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA jobs TO matcher_system",
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA jobs TO matcher_system",
    "GRANT EXECUTE ON FUNCTION jobs.defer TO matcher_tenant",
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    connection = op.get_bind()
    before = connection.exec_driver_sql("SHOW search_path").scalar_one()
    op.execute("SET LOCAL search_path = jobs")
    for step in sorted((resources.files("procrastinate.sql") / "migrations").iterdir(), key=lambda step: step.name):
        if step.name.endswith(".sql") and STEP_BEFORE < step.name <= LAST_STEP:
            connection.exec_driver_sql(step.read_text(encoding="utf-8"), execution_options={"no_parameters": True})
    op.execute(f"SET LOCAL search_path = {before}")
    connection.exec_driver_sql(DEFER, execution_options={"no_parameters": True})
    connection.exec_driver_sql(AT_HOME, execution_options={"no_parameters": True})
    for grant in GRANTS:
        op.execute(grant)


def downgrade() -> None:
    """Nothing: half of these steps cannot be taken back, and the revision before takes everything away."""
