"""Create the tables, the roles that see them, and the policies by which they do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Rows of these belong to a client, those of the first group to one of its regions too.
BY_REGION = (
    "audit",
    "blocks",
    "entries",
    "erasures",
    "events",
    "offers",
    "records",
    "requests",
    "runs",
    "snapshots",
    "steps",
    "volunteers",
)
BY_CLIENT = ("chunks", "idempotency", "import_faults", "imports", "keys", "skills", "tokens")
# What was written once is never changed or deleted by a tenant.
ONLY_ADDED = ("audit", "entries", "events", "steps")

# The system writes for tenants: workers, the look-up of keys, commands. A tenant is whoever holds a key.
ROLES = """
DO $$
BEGIN
    BEGIN
        CREATE ROLE matcher_system NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    BEGIN
        CREATE ROLE matcher_tenant NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END;
    -- Where the server can tell them apart, the owner may take the roles on, and has nothing of them without.
    EXECUTE format(
        'GRANT matcher_system, matcher_tenant TO %I%s',
        current_user,
        CASE WHEN current_setting('server_version_num')::int >= 160000 THEN ' WITH INHERIT FALSE, SET TRUE' ELSE '' END
    );
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO matcher_system, matcher_tenant', current_schema());
END
$$
"""

FITS = """
CREATE FUNCTION matcher_fits(taken smallint[], places smallint[]) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN cardinality(taken) = cardinality(places)
    AND (SELECT bool_and(t >= 0 AND t <= p) FROM unnest(taken, places) AS role (t, p))
"""

# 64 bits in which somebody with all these skills has all bits of a request that needs them, and few others do.
SIGNATURE = """
CREATE FUNCTION matcher_signature(codes text[]) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bit_or(1::bigint << (hashtextextended(code, 0) & 63)::integer), 0) FROM unnest(codes) AS code
)
"""

# Of 244 random bits.
RANDOM = "decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')"

# The bits that somebody needs for any role of a request: those of all its roles.
NEEDED = """
CREATE FUNCTION matcher_needed(roles jsonb) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT coalesce(bit_and(matcher_signature(ARRAY(
        SELECT need ->> 'code' FROM jsonb_array_elements(role -> 'skills') AS need
    ))), 0)
    FROM jsonb_array_elements(roles) AS role
)
"""

# Each is asked once a statement, being in a subquery of its own.
MINE = "client_no = (SELECT nullif(current_setting('matcher.client', true), '')::bigint)"
WITHIN = "(region IS NULL OR region ^@ ANY ((SELECT current_setting('matcher.regions', true)::text[])::text[]))"


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(ROLES)
    op.execute(FITS)
    op.execute(SIGNATURE)
    op.execute(NEEDED)
    op.execute("CREATE SEQUENCE event_positions")
    op.create_table(
        "clients",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Text(collation="C"), nullable=False),
        sa.Column("crs", sa.Text(collation="C"), nullable=False),
        sa.Column("secret", sa.LargeBinary(), server_default=sa.text(RANDOM), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("crs IN ('wgs84', 'gcj02', 'bd09')", name=op.f("ck_clients_crs")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_clients")),
        sa.UniqueConstraint("id", name=op.f("uq_clients_id")),
    )
    op.create_table(
        "audit",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.Column("action", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_id", sa.Text(collation="C"), nullable=False),
        sa.Column("on_behalf_of", sa.Text(collation="C"), nullable=True),
        sa.Column("request_id", sa.Text(collation="C"), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=True),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_audit_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_client_no_no"), "audit", ["client_no", "no"], unique=False)
    op.create_index(op.f("ix_audit_key_no_action_at"), "audit", ["key_no", "action", "at"], unique=False)
    op.create_index(op.f("ix_audit_subject_kind_subject_id"), "audit", ["subject_kind", "subject_id"], unique=False)
    op.create_table(
        "erasures",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("subject", sa.Text(collation="C"), nullable=True),
        sa.Column(
            "request_ids", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("subject_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("receipt", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("kind IN ('volunteer', 'requester', 'request')", name=op.f("ck_erasures_kind")),
        sa.CheckConstraint("status IN ('running', 'finished')", name=op.f("ck_erasures_status")),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_erasures_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_erasures")),
        sa.UniqueConstraint("id", name=op.f("uq_erasures_id")),
    )
    op.create_index(op.f("ix_erasures_client_no_no"), "erasures", ["client_no", "no"], unique=False)
    op.create_index(
        "uq_erasures_one_running",
        "erasures",
        ["client_no", "kind", "subject_hash"],
        unique=True,
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_table(
        "events",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("type", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_kind", sa.Text(collation="C"), nullable=False),
        sa.Column("subject_id", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.Column("on_behalf_of", sa.Text(collation="C"), nullable=True),
        sa.Column("data", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_events_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_events")),
        sa.UniqueConstraint("position", name=op.f("uq_events_position")),
    )
    op.create_index(op.f("ix_events_client_no_position"), "events", ["client_no", "position"], unique=False)
    op.create_index(op.f("ix_events_subject_kind_subject_id"), "events", ["subject_kind", "subject_id"], unique=False)
    op.create_index(
        "ix_events_unpublished", "events", ["no"], unique=False, postgresql_where=sa.text("position IS NULL")
    )
    op.create_table(
        "idempotency",
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("key", sa.Text(collation="C"), nullable=False),
        sa.Column("operation", sa.Text(collation="C"), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", postgresql.JSONB(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_idempotency_client_no")),
        sa.PrimaryKeyConstraint("client_no", "key", name=op.f("pk_idempotency")),
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)
    op.create_table(
        "imports",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=False),
        sa.Column("regions", postgresql.JSONB(), nullable=False),
        sa.Column("crs", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("format", sa.Text(collation="C"), nullable=False),
        sa.Column("header", postgresql.JSONB(), nullable=True),
        sa.Column("status", sa.Text(collation="C"), nullable=False),
        sa.Column("error", sa.Text(collation="C"), nullable=True),
        sa.Column("line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("done_lines", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unchanged_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refused_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("format IN ('ndjson', 'csv')", name=op.f("ck_imports_format")),
        sa.CheckConstraint("kind IN ('volunteers', 'requests')", name=op.f("ck_imports_kind")),
        sa.CheckConstraint(
            "status IN ('receiving', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_imports_status")
        ),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_imports_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_imports")),
        sa.UniqueConstraint("id", name=op.f("uq_imports_id")),
    )
    op.create_index(op.f("ix_imports_client_no_no"), "imports", ["client_no", "no"], unique=False)
    op.create_table(
        "keys",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("hint", sa.Text(collation="C"), nullable=False),
        sa.Column("label", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("regions", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("successor_no", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_keys_client_no")),
        sa.ForeignKeyConstraint(["successor_no"], ["keys.no"], name=op.f("fk_keys_successor_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_keys_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_keys_id")),
    )
    op.create_index(op.f("ix_keys_client_no_no"), "keys", ["client_no", "no"], unique=False)
    op.create_table(
        "requests",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("requester", sa.Text(collation="C"), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("windows", postgresql.JSONB(), nullable=True),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("duration_min", sa.Integer(), nullable=False),
        sa.Column("roles", postgresql.JSONB(), nullable=False),
        sa.Column("by_role", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("places", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("taken", postgresql.ARRAY(sa.SmallInteger()), nullable=False),
        sa.Column("min_headcount", sa.SmallInteger(), nullable=False),
        sa.Column(
            "skill_codes", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("skill_bits", sa.BigInteger(), sa.Computed("matcher_needed(roles)", persisted=True), nullable=False),
        sa.Column("urgency", sa.SmallInteger(), nullable=False),
        sa.Column("gender", sa.Text(collation="C"), nullable=True),
        sa.Column("adults_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("needs_insurance", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("risk", sa.Text(collation="C"), server_default=sa.text("'none'"), nullable=False),
        sa.Column(
            "trainings", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "preferred_volunteers",
            postgresql.ARRAY(sa.Text(collation="C")),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column(
            "excluded_volunteers",
            postgresql.ARRAY(sa.Text(collation="C")),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("blurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(collation="C"), server_default=sa.text("'open'"), nullable=False),
        sa.Column("closed_reason", sa.Text(collation="C"), nullable=True),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(closed_reason IS NULL) = (status NOT IN ('completed', 'failed', 'cancelled'))",
            name=op.f("ck_requests_closed"),
        ),
        sa.CheckConstraint(
            "closed_reason IN ('fulfilled', 'failed', 'irrelevant', 'cancelled', 'duplicate')",
            name=op.f("ck_requests_closed_reason"),
        ),
        sa.CheckConstraint(
            "status IN ('open', 'planned', 'filled', 'in-progress', 'completed', 'failed', 'cancelled')",
            name=op.f("ck_requests_status"),
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_requests_place")),
        sa.CheckConstraint("matcher_fits(taken, places)", name=op.f("ck_requests_taken")),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_requests_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_requests")),
        sa.UniqueConstraint("external_id", "client_no", name=op.f("uq_requests_external_id_client_no")),
    )
    op.create_index(
        op.f("ix_requests_client_no_region_external_id"),
        "requests",
        ["client_no", "region", "external_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_requests_client_no_status_region_external_id"),
        "requests",
        ["client_no", "status", "region", "external_id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_requests_client_no_latitude_longitude"),
        "requests",
        ["client_no", "latitude", "longitude"],
        unique=False,
    )
    op.create_index(op.f("ix_requests_client_no_requester"), "requests", ["client_no", "requester"], unique=False)
    op.create_index(
        "ix_requests_exact",
        "requests",
        ["updated_at"],
        unique=False,
        postgresql_where=sa.text("blurred_at IS NULL AND status IN ('completed', 'failed', 'cancelled')"),
    )
    op.create_index(
        "ix_requests_open_closes_at",
        "requests",
        ["closes_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('open', 'planned', 'filled')"),
    )
    op.create_index(
        "ix_requests_open_place",
        "requests",
        [sa.literal_column("point(longitude, latitude)")],
        unique=False,
        postgresql_using="gist",
        postgresql_include=["client_no", "region", "latitude", "longitude", "no", "urgency", "skill_bits"],
        postgresql_where=sa.text("status IN ('open', 'planned')"),
    )
    op.create_index(
        "ix_requests_open_nowhere",
        "requests",
        ["client_no", "no"],
        unique=False,
        postgresql_where=sa.text("latitude IS NULL AND status IN ('open', 'planned')"),
    )
    op.create_table(
        "runs",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("mode", sa.Text(collation="C"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("horizon_start", sa.DateTime(timezone=True), nullable=False),
        sa.Column("horizon_end", sa.DateTime(timezone=True), nullable=False),
        sa.Column("options", postgresql.JSONB(), nullable=False),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("stage", sa.Text(collation="C"), nullable=True),
        sa.Column("fraction", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("problem_hash", sa.Text(collation="C"), nullable=True),
        sa.Column("summary", postgresql.JSONB(), nullable=True),
        sa.Column("plan", sa.LargeBinary(), nullable=True),
        sa.Column("offer_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("left_out", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("left_out_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", postgresql.JSONB(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(client_no, client_no, '[]')"), "&&"),
            (sa.text("int8range(rpad(region, 12, '0')::bigint, rpad(region, 12, '9')::bigint, '[]')"), "&&"),
            where=sa.text("status IN ('queued', 'running')"),
            using="gist",
            name="ex_runs_one_active_a_region",
        ),
        sa.CheckConstraint("mode IN ('preview', 'publish')", name=op.f("ck_runs_mode")),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name=op.f("ck_runs_status")
        ),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_runs_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_runs")),
        sa.UniqueConstraint("id", name=op.f("uq_runs_id")),
    )
    op.create_index(op.f("ix_runs_client_no_region_no"), "runs", ["client_no", "region", "no"], unique=False)
    op.create_table(
        "skills",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("label_zh", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("label_en", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("needs_certificate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_skills_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_skills")),
        sa.UniqueConstraint("client_no", "external_id", name=op.f("uq_skills_client_no_external_id")),
    )
    op.create_table(
        "volunteers",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("community", sa.Text(collation="C"), nullable=True),
        sa.Column("volunteer_no", sa.Text(collation="C"), nullable=True),
        sa.Column("latitude", sa.Double(), nullable=True),
        sa.Column("longitude", sa.Double(), nullable=True),
        sa.Column("max_distance_m", sa.Integer(), nullable=True),
        sa.Column("max_travel_min", sa.Integer(), nullable=True),
        sa.Column("travel_mode", sa.Text(collation="C"), server_default=sa.text("'bicycle'"), nullable=False),
        sa.Column("skills", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column(
            "skill_codes", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "skill_bits", sa.BigInteger(), sa.Computed("matcher_signature(skill_codes)", persisted=True), nullable=False
        ),
        sa.Column(
            "trainings", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("insured_until", sa.Date(), nullable=True),
        sa.Column("gender", sa.Text(collation="C"), nullable=True),
        sa.Column("birth_year", sa.SmallInteger(), nullable=True),
        sa.Column("guardian_consent", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("paused", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("availability", postgresql.JSONB(), nullable=True),
        sa.Column("busy", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("max_assignments", sa.Integer(), nullable=True),
        sa.Column("max_minutes", sa.Integer(), nullable=True),
        sa.Column("max_assignments_per_day", sa.Integer(), nullable=True),
        sa.Column("max_minutes_per_day", sa.Integer(), nullable=True),
        sa.Column("recent_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "travel_mode IN ('walk', 'bicycle', 'ebike', 'transit', 'car')", name=op.f("ck_volunteers_travel_mode")
        ),
        sa.CheckConstraint("(latitude IS NULL) = (longitude IS NULL)", name=op.f("ck_volunteers_place")),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_volunteers_client_no")),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_volunteers")),
        sa.UniqueConstraint("external_id", "client_no", name=op.f("uq_volunteers_external_id_client_no")),
    )
    op.create_index(
        op.f("ix_volunteers_client_no_latitude_longitude"),
        "volunteers",
        ["client_no", "latitude", "longitude"],
        unique=False,
    )
    op.create_index(
        op.f("ix_volunteers_client_no_region_external_id"),
        "volunteers",
        ["client_no", "region", "external_id"],
        unique=False,
    )
    op.create_index(
        "ix_volunteers_place",
        "volunteers",
        [sa.literal_column("point(longitude, latitude)")],
        unique=False,
        postgresql_using="gist",
        postgresql_include=[
            *("client_no", "region", "latitude", "longitude", "no", "recent_minutes", "max_distance_m", "skill_bits")
        ],
    )
    op.create_index("ix_volunteers_reach", "volunteers", ["client_no", "max_distance_m"], unique=False)
    op.create_index(
        "ix_volunteers_nowhere",
        "volunteers",
        ["client_no", "recent_minutes", "no"],
        unique=False,
        postgresql_where=sa.text("latitude IS NULL"),
    )
    op.create_table(
        "blocks",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("volunteer_no", sa.BigInteger(), nullable=False),
        sa.Column("requester", sa.Text(collation="C"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_blocks_client_no")),
        sa.ForeignKeyConstraint(
            ["volunteer_no"], ["volunteers.no"], name=op.f("fk_blocks_volunteer_no"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_blocks")),
        sa.UniqueConstraint("volunteer_no", "requester", name=op.f("uq_blocks_volunteer_no_requester")),
    )
    op.create_table(
        "chunks",
        sa.Column("import_no", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("first_line", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_chunks_client_no")),
        sa.ForeignKeyConstraint(["import_no"], ["imports.no"], name=op.f("fk_chunks_import_no"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("import_no", "position", name=op.f("pk_chunks")),
    )
    op.create_table(
        "import_faults",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("import_no", sa.BigInteger(), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("external_id", sa.Text(collation="C"), nullable=True),
        sa.Column("code", sa.Text(collation="C"), nullable=False),
        sa.Column("pointer", sa.Text(collation="C"), nullable=False),
        sa.Column("detail", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_import_faults_client_no")),
        sa.ForeignKeyConstraint(
            ["import_no"], ["imports.no"], name=op.f("fk_import_faults_import_no"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_import_faults")),
        sa.UniqueConstraint("import_no", "line", "pointer", name=op.f("uq_import_faults_import_no_line_pointer")),
    )
    op.create_table(
        "offers",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("request_no", sa.BigInteger(), nullable=False),
        sa.Column("volunteer_no", sa.BigInteger(), nullable=True),
        sa.Column("run_no", sa.BigInteger(), nullable=True),
        sa.Column("wave", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("role", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.Text(collation="C"), server_default=sa.text("'offered'"), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("distance_m", sa.Integer(), nullable=True),
        sa.Column("travel_min", sa.Integer(), nullable=True),
        sa.Column("cost", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_terms", postgresql.JSONB(), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.Column("checked_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(volunteer_no, volunteer_no, '[]')"), "&&"),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text(
                "status IN ('accepted', 'in-progress') AND starts_at IS NOT NULL AND volunteer_no IS NOT NULL"
            ),
            using="gist",
            name="ex_offers_nobody_in_two_places",
        ),
        sa.CheckConstraint(
            "status IN ('offered', 'accepted', 'declined', 'expired', 'withdrawn', 'released', 'no-show', 'in-progress', 'completed', 'confirmed')",
            name=op.f("ck_offers_status"),
        ),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_offers_client_no")),
        sa.ForeignKeyConstraint(["request_no"], ["requests.no"], name=op.f("fk_offers_request_no")),
        sa.ForeignKeyConstraint(["run_no"], ["runs.no"], name=op.f("fk_offers_run_no"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["volunteer_no"], ["volunteers.no"], name=op.f("fk_offers_volunteer_no"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_offers")),
        sa.UniqueConstraint("id", name=op.f("uq_offers_id")),
    )
    op.create_index(op.f("ix_offers_client_no_no"), "offers", ["client_no", "no"], unique=False)
    op.create_index(op.f("ix_offers_client_no_region_no"), "offers", ["client_no", "region", "no"], unique=False)
    op.create_index(
        "ix_offers_live",
        "offers",
        ["client_no", "no"],
        unique=False,
        postgresql_where=sa.text("status IN ('offered', 'accepted', 'in-progress')"),
    )
    op.create_index(
        "ix_offers_expiring", "offers", ["expires_at"], unique=False, postgresql_where=sa.text("status = 'offered'")
    )
    op.create_index(op.f("ix_offers_request_no"), "offers", ["request_no"], unique=False)
    op.create_index(op.f("ix_offers_run_no"), "offers", ["run_no"], unique=False)
    op.create_index(
        "ix_offers_starting", "offers", ["starts_at"], unique=False, postgresql_where=sa.text("status = 'accepted'")
    )
    op.create_index(op.f("ix_offers_volunteer_no_no"), "offers", ["volunteer_no", "no"], unique=False)
    op.create_index(
        "uq_offers_one_live_a_pair",
        "offers",
        ["request_no", "volunteer_no"],
        unique=True,
        postgresql_where=sa.text("status IN ('offered', 'accepted', 'in-progress')"),
    )
    op.create_table(
        "snapshots",
        sa.Column("run_no", sa.BigInteger(), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("problem", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_snapshots_client_no")),
        sa.ForeignKeyConstraint(["run_no"], ["runs.no"], name=op.f("fk_snapshots_run_no"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_no", name=op.f("pk_snapshots")),
    )
    op.create_index(op.f("ix_snapshots_created_at"), "snapshots", ["created_at"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text(collation="C")), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_tokens_client_no")),
        sa.ForeignKeyConstraint(["key_no"], ["keys.no"], name=op.f("fk_tokens_key_no"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_tokens")),
    )
    op.create_index(op.f("ix_tokens_expires_at"), "tokens", ["expires_at"], unique=False)
    op.create_index(op.f("ix_tokens_key_no"), "tokens", ["key_no"], unique=False)
    op.create_table(
        "records",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("offer_no", sa.BigInteger(), nullable=False),
        sa.Column("request_no", sa.BigInteger(), nullable=False),
        sa.Column("volunteer_no", sa.BigInteger(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_records_client_no")),
        sa.ForeignKeyConstraint(["offer_no"], ["offers.no"], name=op.f("fk_records_offer_no")),
        sa.ForeignKeyConstraint(["request_no"], ["requests.no"], name=op.f("fk_records_request_no")),
        sa.ForeignKeyConstraint(
            ["volunteer_no"], ["volunteers.no"], name=op.f("fk_records_volunteer_no"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_records")),
        sa.UniqueConstraint("id", name=op.f("uq_records_id")),
        sa.UniqueConstraint("offer_no", name=op.f("uq_records_offer_no")),
    )
    op.create_index(op.f("ix_records_client_no_no"), "records", ["client_no", "no"], unique=False)
    op.create_index(op.f("ix_records_client_no_region_no"), "records", ["client_no", "region", "no"], unique=False)
    op.create_index(op.f("ix_records_volunteer_no_no"), "records", ["volunteer_no", "no"], unique=False)
    op.create_table(
        "steps",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("offer_no", sa.BigInteger(), nullable=False),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_status", sa.Text(collation="C"), nullable=True),
        sa.Column("to_status", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.Column("on_behalf_of", sa.Text(collation="C"), nullable=True),
        sa.Column("reason", sa.Text(collation="C"), nullable=True),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_steps_client_no")),
        sa.ForeignKeyConstraint(["offer_no"], ["offers.no"], name=op.f("fk_steps_offer_no"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_steps")),
        sa.UniqueConstraint("offer_no", "version", name=op.f("uq_steps_offer_no_version")),
    )
    op.create_table(
        "entries",
        sa.Column("no", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("record_no", sa.BigInteger(), nullable=False),
        sa.Column("volunteer_no", sa.BigInteger(), nullable=True),
        sa.Column("client_no", sa.BigInteger(), nullable=False),
        sa.Column("region", sa.Text(collation="C"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(collation="C"), nullable=False),
        sa.Column("content", postgresql.JSONB(), nullable=False),
        sa.Column("previous_hash", sa.Text(collation="C"), nullable=False),
        sa.Column("hash", sa.Text(collation="C"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("key_no", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["client_no"], ["clients.no"], name=op.f("fk_entries_client_no")),
        sa.ForeignKeyConstraint(["record_no"], ["records.no"], name=op.f("fk_entries_record_no"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["volunteer_no"], ["volunteers.no"], name=op.f("fk_entries_volunteer_no"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("no", name=op.f("pk_entries")),
        sa.UniqueConstraint("volunteer_no", "position", name=op.f("uq_entries_volunteer_no_position")),
    )
    op.create_index(op.f("ix_entries_record_no"), "entries", ["record_no"], unique=False)
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO matcher_system")
    op.execute("GRANT USAGE ON SEQUENCE event_positions TO matcher_system")
    for table in (*BY_REGION, *BY_CLIENT):
        rights = "SELECT, INSERT" if table in ONLY_ADDED else "SELECT, INSERT, UPDATE, DELETE"
        op.execute(f"GRANT {rights} ON {table} TO matcher_tenant")
        condition = f"{MINE} AND {WITHIN}" if table in BY_REGION else MINE
        protect(table, condition)
    op.execute("GRANT SELECT ON clients TO matcher_tenant")
    protect("clients", MINE.replace("client_no", "no", 1))


def protect(table: str, condition: str) -> None:
    """Let tenants meet only the rows of which the condition is true, even the owner of the table none but by role."""
    op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY system ON {table} TO matcher_system USING (true)")
    op.execute(f"CREATE POLICY tenant ON {table} TO matcher_tenant USING ({condition})")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_table("entries")
    op.drop_table("steps")
    op.drop_table("records")
    op.drop_table("tokens")
    op.drop_table("snapshots")
    op.drop_table("offers")
    op.drop_table("import_faults")
    op.drop_table("chunks")
    op.drop_table("blocks")
    op.drop_table("volunteers")
    op.drop_table("skills")
    op.drop_table("runs")
    op.drop_table("requests")
    op.drop_table("keys")
    op.drop_table("imports")
    op.drop_table("idempotency")
    op.drop_table("events")
    op.drop_table("erasures")
    op.drop_table("audit")
    op.drop_table("clients")
    op.execute("DROP SEQUENCE event_positions")
    op.execute("DROP FUNCTION matcher_needed")
    op.execute("DROP FUNCTION matcher_signature")
    op.execute("DROP FUNCTION matcher_fits")
    # The roles stay: other databases of the server may use them.
