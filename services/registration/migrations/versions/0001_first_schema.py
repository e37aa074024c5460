"""The first schema: copies of events and groups, forms, seats, registrations, idempotency keys, outbox, inbox."""

from alembic import op

revision = "0001"
down_revision = None

SCHEMA = """
CREATE TABLE event_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    kind text NOT NULL,
    title text NOT NULL,
    summary text NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    time_zone text NOT NULL,
    status text NOT NULL,
    mode text NOT NULL,
    city text,
    place text
);
CREATE TABLE working_group_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    title text NOT NULL
);
CREATE TABLE partner (
    slug text PRIMARY KEY,
    name text NOT NULL,
    origins text[] NOT NULL,
    language text NOT NULL,
    theme jsonb NOT NULL
);
CREATE TABLE form (
    slug text PRIMARY KEY,
    kind text NOT NULL,
    event_id text,
    definition jsonb NOT NULL,
    verification text NOT NULL CHECK (verification IN ('none', 'email')),
    waiting_list boolean NOT NULL,
    partners text[] NOT NULL,
    promotion_notice_minutes integer NOT NULL CHECK (promotion_notice_minutes >= 0),
    open boolean NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE INDEX form_event ON form (event_id);
CREATE TABLE seat (
    form text PRIMARY KEY REFERENCES form (slug),
    capacity integer CHECK (capacity >= 0),
    confirmed integer NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    last_position integer NOT NULL DEFAULT 0 CHECK (last_position >= 0)
) WITH (fillfactor = 50);
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE registration (
    id uuid PRIMARY KEY,
    form text NOT NULL REFERENCES form (slug),
    event_id text,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    position integer CHECK (position >= 1),
    revision integer NOT NULL CHECK (revision >= 1),
    person_ref bytea NOT NULL CHECK (length(person_ref) = 32),
    name text NOT NULL,
    email text NOT NULL,
    organisation_id uuid,
    working_group text,
    representative boolean NOT NULL,
    country text,
    time_zone text,
    language text NOT NULL,
    partner text,
    answers jsonb NOT NULL,
    sealed bytea,
    box bytea NOT NULL,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    consent_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    capacity_then integer,
    cancelled_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    CHECK ((status = 'confirmed') <= (confirmed_at IS NOT NULL)),
    CHECK ((status = 'waitlisted') <= (position IS NOT NULL)),
    CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL))
);
CREATE UNIQUE INDEX registration_live ON registration (person_ref, form) WHERE status <> 'cancelled';
CREATE INDEX registration_waiting ON registration (form, position) WHERE status = 'waitlisted';
CREATE INDEX registration_by_form ON registration (form, id);
CREATE INDEX registration_by_event ON registration (event_id, id);
CREATE TABLE registration_change (
    registration_id uuid NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL,
    changed_at timestamptz NOT NULL,
    capacity_then integer,
    reason text NOT NULL,
    PRIMARY KEY (registration_id, revision)
);
CREATE TABLE idempotency (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL,
    answer text NOT NULL,
    stored_at timestamptz NOT NULL
);
CREATE INDEX idempotency_age ON idempotency (stored_at);
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    subject text NOT NULL,
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL,
    published_at timestamptz,
    refusals integer NOT NULL DEFAULT 0,
    refused_reason text,
    try_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
ALTER TABLE outbox SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
"""


def upgrade() -> None:
    """Make everything."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
