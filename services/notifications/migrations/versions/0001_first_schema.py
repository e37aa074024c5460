"""Event copies, the recipient book, mails and their attempts, outbox and inbox."""

from alembic import op

revision = "0001"
down_revision = None

EVENT_COPY = """
CREATE TABLE event_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    content jsonb NOT NULL,
    noted_at timestamptz NOT NULL
);
"""

RECIPIENT = """
CREATE TABLE recipient (
    registration_id uuid PRIMARY KEY,
    person_ref text NOT NULL CHECK (person_ref ~ '^[0-9a-f]{64}$'),
    form text NOT NULL,
    event text,
    language text NOT NULL,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    revision integer NOT NULL CHECK (revision >= 1),
    position integer CHECK (position >= 1),
    closed bytea NOT NULL CHECK (length(closed) > 28),
    noted_at timestamptz NOT NULL
);
COMMENT ON COLUMN recipient.closed IS 'name, address, token, time zone: AES-256-GCM, bound to the registration';
"""

MAIL = """
CREATE TABLE mail (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    subject uuid NOT NULL REFERENCES recipient (registration_id),
    revision integer NOT NULL CHECK (revision >= 1),
    recipient text NOT NULL CHECK (recipient ~ '^[0-9a-f]{64}$'),
    event text,
    lane text NOT NULL CHECK (lane IN ('transactional', 'reminder', 'bulletin')),
    state text NOT NULL CHECK (state IN ('queued', 'claimed', 'sent', 'deferred', 'unknown', 'failed', 'suppressed',
        'called_off', 'missed', 'bounced')),
    due_at timestamptz,
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0 CHECK (fence >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND fence),
    unknowns integer NOT NULL DEFAULT 0 CHECK (unknowns BETWEEN 0 AND fence),
    message_id text NOT NULL UNIQUE CHECK (message_id ~ '^<[^<>\\s]+@[^<>\\s]+>$'),
    phase text CHECK (phase IN ('claimed', 'data')),
    reason text,
    cause_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    correlation_id text NOT NULL,
    CONSTRAINT one_mail UNIQUE (kind, subject, revision, recipient),
    CONSTRAINT lane_by_kind CHECK (lane = 'transactional' OR kind NOT IN
        ('confirmation', 'waiting-list', 'promotion', 'cancelled-by-you', 'attempt-repeated')),
    CONSTRAINT leased_while_claimed CHECK
        ((state = 'claimed') = (lease_until IS NOT NULL) AND (state = 'claimed') = (phase IS NOT NULL)),
    CONSTRAINT sent_has_time CHECK ((state IN ('sent', 'bounced')) = (sent_at IS NOT NULL)),
    CONSTRAINT pending_is_due CHECK (state NOT IN ('queued', 'claimed', 'deferred') OR due_at IS NOT NULL),
    CONSTRAINT unsent_has_reason CHECK (state IN ('queued', 'claimed', 'sent') OR reason IS NOT NULL)
);
CREATE INDEX mail_due ON mail (lane, due_at) WHERE state IN ('queued', 'deferred', 'claimed');
CREATE INDEX mail_leased ON mail (lease_until) WHERE state = 'claimed';
CREATE INDEX mail_unknown ON mail (due_at) WHERE state = 'unknown';
CREATE INDEX mail_subject ON mail (subject);
CREATE INDEX mail_event ON mail (event, id);
ALTER TABLE mail SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""

MAIL_ATTEMPT = """
CREATE TABLE mail_attempt (
    mail_id uuid NOT NULL REFERENCES mail (id),
    number integer NOT NULL CHECK (number >= 1),
    message_id text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('claimed', 'data')),
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text CHECK (outcome IN ('sent', 'deferred', 'failed', 'unknown', 'released', 'called_off')),
    PRIMARY KEY (mail_id, number),
    CONSTRAINT ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT handed_over_after_data CHECK (outcome NOT IN ('sent', 'unknown') OR phase = 'data')
);
COMMENT ON COLUMN mail_attempt.number IS 'the fence under which the mail was claimed';
"""

OUTBOX = """
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
"""

INBOX = """
CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);
"""


def upgrade() -> None:
    """Make everything."""
    for statements in (EVENT_COPY, RECIPIENT, MAIL, MAIL_ATTEMPT, OUTBOX, INBOX):
        op.execute(statements)
