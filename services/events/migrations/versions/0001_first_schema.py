"""The first schema: events and what stands around them, the coordinators' read side, outbox, inbox."""

from alembic import op

revision = "0001"
down_revision = None

SCHEMA = """
CREATE TABLE series (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    began_in integer,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE TABLE working_group (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE TABLE event (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    kind text NOT NULL CHECK (kind IN ('webinar', 'side_event', 'review', 'council_session', 'press_conference',
        'consultation', 'training')),
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    series text REFERENCES series (id),
    series_number integer CHECK (series_number >= 1),
    starts_at timestamptz,
    ends_at timestamptz,
    time_zone text NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'tentative', 'confirmed', 'postponed', 'cancelled', 'held')),
    mode text NOT NULL CHECK (mode IN ('online', 'in_person', 'hybrid')),
    city text,
    place text,
    join_url text CHECK (join_url LIKE 'https://%'),
    asked_groups text[] NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    last_starts_at timestamptz,
    last_ends_at timestamptz,
    internal_note text NOT NULL,
    CONSTRAINT event_number_has_series CHECK (series_number IS NULL OR series IS NOT NULL),
    CONSTRAINT event_date_is_whole CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CONSTRAINT event_date_is_ordered CHECK (starts_at < ends_at),
    CONSTRAINT event_last_date_is_whole CHECK ((last_starts_at IS NULL) = (last_ends_at IS NULL)),
    CONSTRAINT event_last_date_is_ordered CHECK (last_starts_at < last_ends_at),
    CONSTRAINT event_has_date CHECK (starts_at IS NOT NULL OR status IN ('draft', 'postponed')),
    CONSTRAINT event_postponed_has_none CHECK (starts_at IS NULL OR status <> 'postponed'),
    CONSTRAINT event_has_city CHECK (city IS NOT NULL OR mode = 'online' OR status = 'draft'),
    CONSTRAINT event_asks_all_or_some CHECK ('*' <> ALL (asked_groups) OR cardinality(asked_groups) = 1)
);
CREATE INDEX event_by_start ON event (coalesce(starts_at, 'infinity'::timestamptz), id);
CREATE TABLE consultation (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    city text NOT NULL CHECK (city <> ''),
    host_kind text NOT NULL CHECK (host_kind IN ('embassy', 'permanent_mission')),
    hosts integer NOT NULL CHECK (hosts >= 1),
    presentations integer NOT NULL,
    within_days integer CHECK (within_days >= 1),
    CONSTRAINT consultation_each_host_got_one CHECK (presentations >= hosts)
);
-- The read side: what messages said of registrations. No reference to event: a message may be faster than its event.
CREATE TABLE roster (
    registration_id uuid PRIMARY KEY,
    form text NOT NULL,
    form_kind text NOT NULL,
    event_id text,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    revision integer NOT NULL CHECK (revision >= 1),
    person_ref bytea NOT NULL CHECK (length(person_ref) = 32),
    working_group text,
    representative boolean NOT NULL,
    organisation_id text,
    country text CHECK (length(country) = 2),
    mode text CHECK (mode IN ('online', 'in_person')),
    language text NOT NULL,
    partner text,
    position integer CHECK (position >= 1),
    occurred_at timestamptz NOT NULL
);
CREATE INDEX roster_by_event ON roster (event_id, registration_id);
CREATE INDEX roster_by_status ON roster (event_id, status, registration_id);
CREATE INDEX roster_representative ON roster (event_id, working_group, status)
    WHERE representative AND status <> 'cancelled' AND working_group IS NOT NULL;
CREATE INDEX roster_by_group ON roster (working_group) WHERE working_group IS NOT NULL;
CREATE TABLE event_count (
    event_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    registrations integer NOT NULL CHECK (registrations >= 0),
    PRIMARY KEY (event_id, status)
) WITH (fillfactor = 50);
CREATE TABLE mail_contact (
    mail_id uuid PRIMARY KEY,
    registration_id uuid NOT NULL,
    kind text NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE INDEX mail_contact_by_registration ON mail_contact (registration_id, sent_at);
CREATE TABLE group_contact (
    working_group text PRIMARY KEY,
    last_mail_at timestamptz NOT NULL
) WITH (fillfactor = 50);
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
