"""Begin the tables of jobs, which are procrastinate's, in a schema of their own.

They are made by the steps that came with procrastinate, up to the one that adds words to a type:
before PostgreSQL 17, none may be used in the transaction that added it, so the next revision goes on.
"""

from importlib import resources

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LAST_STEP = "02.06.00_01_add_cancel_states.sql"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("CREATE SCHEMA jobs")
    connection = op.get_bind()
    before = connection.exec_driver_sql("SHOW search_path").scalar_one()
    op.execute("SET LOCAL search_path = jobs")
    for step in sorted((resources.files("procrastinate.sql") / "migrations").iterdir(), key=lambda step: step.name):
        if step.name.endswith(".sql") and step.name <= LAST_STEP:
            connection.exec_driver_sql(step.read_text(encoding="utf-8"), execution_options={"no_parameters": True})
    op.execute(f"SET LOCAL search_path = {before}")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("DROP SCHEMA jobs CASCADE")
