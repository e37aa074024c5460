"""The schema of notifications, feature by feature."""

from alembic import op

from shared.security.audit_log import AUDIT_TABLE
from shared.security.sessions import SIGN_IN_TABLES

revision = "0001"
down_revision = None

COPIES = """
CREATE TABLE event_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    content jsonb NOT NULL,
    told jsonb NOT NULL,
    noted_at timestamptz NOT NULL
);
COMMENT ON COLUMN event_copy.told IS 'the state that was announced last';
CREATE INDEX event_copy_start ON event_copy ((content ->> 'starts_at') COLLATE "C");
CREATE TABLE working_group_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    content jsonb NOT NULL,
    noted_at timestamptz NOT NULL
);
CREATE TABLE resource_copy (LIKE working_group_copy INCLUDING ALL);
CREATE TABLE form_copy (LIKE working_group_copy INCLUDING ALL);
CREATE TABLE partner_copy (LIKE working_group_copy INCLUDING ALL);
"""

RECIPIENTS = """
CREATE TABLE recipient (
    subject uuid PRIMARY KEY,
    about text NOT NULL
        CHECK (about IN ('registration', 'confirmation', 'former-address', 'invitation', 'bulletin-test')),
    person_ref text CHECK (person_ref ~ '^[0-9a-f]{64}$'),
    form text,
    form_kind text NOT NULL,
    event text,
    attend text,
    working_group text,
    representative boolean NOT NULL DEFAULT false,
    partner text,
    country text,
    language text,
    status text NOT NULL,
    verified boolean NOT NULL DEFAULT false,
    revision integer NOT NULL CHECK (revision >= 1),
    occurred_at timestamptz NOT NULL,
    position integer CHECK (position >= 1),
    decision integer NOT NULL DEFAULT 0 CHECK (decision >= 0),
    closed bytea CHECK (length(closed) > 28),
    noted_at timestamptz NOT NULL,
    heard_at timestamptz NOT NULL,
    erased_at timestamptz,
    carried integer NOT NULL DEFAULT 0 CHECK (carried >= 0),
    CONSTRAINT recipient_status_check CHECK (CASE about
        WHEN 'registration' THEN status IN ('confirmed', 'waitlisted', 'cancelled')
        WHEN 'confirmation' THEN status = 'wanted'
        WHEN 'invitation' THEN status = 'wanted'
        WHEN 'bulletin-test' THEN status = 'wanted'
        ELSE status = 'left' END),
    CONSTRAINT registration_has_form CHECK ((about = 'registration') = (form IS NOT NULL)),
    CONSTRAINT confirmation_says_nothing CHECK (about NOT IN ('confirmation', 'invitation')
        OR NOT (representative OR verified)
            AND num_nonnulls(event, attend, working_group, partner, country, position) = 0),
    CONSTRAINT recipient_is_somebody CHECK (erased_at IS NOT NULL OR num_nulls(person_ref, language, closed) = 0),
    CONSTRAINT recipient_erased_is_nobody
        CHECK (erased_at IS NULL OR (NOT representative AND num_nonnulls(person_ref, language, closed,
            position, working_group, partner, country, attend) = 0))
);
-- Words of coordinators on a registration, which may come before it is known here. No reference, for that reason.
CREATE TABLE recipient_tags (
    subject uuid PRIMARY KEY,
    tags text[] NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE INDEX recipient_tags_by_tag ON recipient_tags USING gin (tags);
COMMENT ON TABLE recipient IS
    'whom mails go to; the entry of a confirmation link or a former address goes with its mail';
COMMENT ON COLUMN recipient.occurred_at IS
    'of the state or the link that is kept: of two messages about one revision the later one holds';
COMMENT ON COLUMN recipient.event IS 'of the form; of a proposal the side event that it became';
COMMENT ON COLUMN recipient.decision IS 'revision of the newest decision on a proposal; 0 before the first';
COMMENT ON COLUMN recipient.closed IS
    'address; links that change nothing, or the token of a confirmation link; name, time zone and title of a proposal '
    'if there are any: AES-256-GCM, bound to the subject';
COMMENT ON COLUMN recipient.heard_at IS
    'when the entry was first made: mails written later know all events up to then';
COMMENT ON COLUMN recipient.carried IS
    'revisions of erased registrations of the same person for the same event: a calendar entry only ever rises';
CREATE INDEX recipient_event ON recipient (event, person_ref) WHERE event IS NOT NULL;
CREATE INDEX recipient_person ON recipient (person_ref, subject);
CREATE INDEX recipient_erased ON recipient (erased_at) WHERE erased_at IS NOT NULL;

CREATE TABLE suppression (
    person_ref text PRIMARY KEY CHECK (person_ref ~ '^[0-9a-f]{64}$'),
    said_by text NOT NULL CHECK (said_by IN ('recipient', 'coordinator')),
    since timestamptz NOT NULL,
    who text CHECK (who IS NULL OR who <> '' AND said_by = 'coordinator'),
    bulletin integer CHECK (bulletin IS NULL OR said_by = 'recipient')
);
CREATE INDEX suppression_bulletin ON suppression (bulletin) WHERE bulletin IS NOT NULL;
COMMENT ON COLUMN suppression.bulletin IS 'number of the bulletin through whose link the person unsubscribed';
COMMENT ON TABLE suppression IS 'people who get no bulletins';
COMMENT ON COLUMN suppression.who IS 'name of the coordinator; null for the person';
"""

MAILS = """
CREATE TABLE mail (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    kind text NOT NULL,
    subject uuid NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    recipient text CHECK (recipient ~ '^[0-9a-f]{64}$'),
    event text,
    event_revision integer CHECK (event_revision >= 1),
    detail jsonb,
    lane text NOT NULL CHECK (lane IN ('transactional', 'verification', 'reminder', 'bulletin')),
    state text NOT NULL CHECK (state IN ('queued', 'claimed', 'sent', 'deferred', 'unknown', 'failed', 'suppressed',
        'cancelled', 'missed', 'bounced')),
    due_at timestamptz,
    expires_at timestamptz,
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
    ended_at timestamptz,
    requeued_at timestamptz,
    closed bytea CHECK (length(closed) > 28),
    correlation_id text NOT NULL,
    traceparent text NOT NULL DEFAULT '' CHECK (length(traceparent) <= 55),
    CONSTRAINT one_mail UNIQUE (kind, subject, revision),
    CONSTRAINT lane_by_kind CHECK (lane = CASE
        WHEN kind = 'verification' THEN 'verification'
        WHEN kind LIKE 'reminder-%' OR kind = 'details' THEN 'reminder'
        WHEN kind IN ('bulletin', 'recording-available') THEN 'bulletin'
        ELSE 'transactional' END),
    CONSTRAINT leased_while_claimed CHECK
        ((state = 'claimed') = (lease_until IS NOT NULL) AND (state = 'claimed') = (phase IS NOT NULL)),
    CONSTRAINT sent_has_time CHECK ((state IN ('sent', 'bounced')) = (sent_at IS NOT NULL)),
    CONSTRAINT pending_is_due CHECK (state NOT IN ('queued', 'claimed', 'deferred') OR due_at IS NOT NULL),
    CONSTRAINT unsent_has_reason CHECK (state IN ('queued', 'claimed', 'sent') OR reason IS NOT NULL),
    CONSTRAINT mail_content_goes CHECK
        (closed IS NULL OR recipient IS NOT NULL AND state NOT IN ('sent', 'bounced', 'suppressed', 'cancelled')),
    CONSTRAINT ended_undelivered CHECK (ended_at IS NULL OR state IN ('failed', 'missed', 'unknown'))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN mail.revision IS
    'number among those of the kind and subject: a revision, that of a decision, a bulletin, the minute of a start or '
    'of a request';
COMMENT ON COLUMN mail.id IS 'a hash of kind, subject, revision and recipient: the same mail made again has it again';
COMMENT ON COLUMN mail.number IS 'in the order in which mails were made';
COMMENT ON COLUMN mail.subject IS 'a registration, a confirmation link or a former address';
COMMENT ON COLUMN mail.recipient IS
    'null once the person was erased or the mail about a link has ended: then it is never sent again';
COMMENT ON COLUMN mail.event_revision IS
    'of the event, as it was known when the mail was last written; null before that and without an event';
COMMENT ON COLUMN mail.closed IS
    'token of a managing link, or the note to a proposal: AES-256-GCM, bound to the id of the mail; gone once sent';
COMMENT ON COLUMN mail.expires_at IS 'from then on it is missed instead of sent';
COMMENT ON COLUMN mail.traceparent IS 'W3C trace context of what caused it, for spans; empty for none';
COMMENT ON COLUMN mail.ended_at IS 'when it failed, was missed, or was left unknown for good';
COMMENT ON COLUMN mail.requeued_at IS 'when a coordinator last had it sent again: time limits count from then';
CREATE INDEX mail_due ON mail (lane, due_at) WHERE state IN ('queued', 'deferred', 'claimed');
CREATE INDEX mail_expiring ON mail (expires_at) WHERE expires_at IS NOT NULL AND state IN ('queued', 'deferred');
CREATE INDEX mail_leased ON mail (lease_until) WHERE state = 'claimed';
CREATE INDEX mail_unknown ON mail (due_at) WHERE state = 'unknown';
CREATE INDEX mail_undelivered ON mail (coalesce(ended_at, created_at), id)
    WHERE recipient IS NOT NULL AND (state IN ('failed', 'missed') OR (state = 'unknown' AND due_at IS NULL));
CREATE INDEX mail_subject ON mail (subject);
CREATE INDEX mail_event ON mail (event, number);
CREATE INDEX mail_recipient ON mail (recipient, kind, revision);
CREATE INDEX mail_bulletin ON mail (revision, state, number) WHERE kind = 'bulletin';

CREATE TABLE mail_attempt (
    mail_id uuid NOT NULL REFERENCES mail (id) ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 1),
    message_id text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('claimed', 'data')),
    started_at timestamptz NOT NULL,
    ended_at timestamptz,
    outcome text CHECK
        (outcome IN ('sent', 'deferred', 'failed', 'unknown', 'released', 'cancelled', 'suppressed')),
    PRIMARY KEY (mail_id, number),
    CONSTRAINT ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT handed_over_after_data CHECK (outcome NOT IN ('sent', 'unknown') OR phase = 'data')
);
COMMENT ON COLUMN mail_attempt.number IS 'the fence under which the mail was claimed';
"""

NEWS = """
CREATE TABLE event_news (
    event text PRIMARY KEY REFERENCES event_copy (id),
    began_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL CHECK (changed_at >= began_at),
    due_at timestamptz NOT NULL,
    correlation_id text NOT NULL
);
COMMENT ON TABLE event_news IS 'changes that are not announced yet, gathered for a short time';
CREATE INDEX event_news_due ON event_news (due_at);

CREATE TABLE announcement (
    id uuid PRIMARY KEY,
    cause text NOT NULL CHECK (cause IN ('news', 'recording', 'bulletin')),
    event text,
    number integer NOT NULL CHECK (number >= 1),
    detail jsonb NOT NULL,
    changed_at timestamptz NOT NULL,
    reached text NOT NULL DEFAULT '',
    mails integer NOT NULL DEFAULT 0 CHECK (mails >= 0),
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    correlation_id text NOT NULL,
    CONSTRAINT one_announcement UNIQUE NULLS NOT DISTINCT (cause, event, number)
);
COMMENT ON COLUMN announcement.reached IS
    'the last person who got a mail, in the order of their references, or of a bulletin the last registration; empty '
    'once it has ended';
CREATE INDEX announcement_open ON announcement (created_at) WHERE ended_at IS NULL;

CREATE TABLE bulletin (
    id uuid PRIMARY KEY,
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    revision integer NOT NULL CHECK (revision >= 1),
    segment jsonb NOT NULL,
    texts jsonb NOT NULL CHECK (texts ? 'en'),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    created_at timestamptz NOT NULL,
    send_at timestamptz,
    send_zone text,
    ordered_by text CHECK (ordered_by <> ''),
    not_sent text CHECK (not_sent IN ('no-recipients', 'late', 'access-ended')),
    sent_at timestamptz,
    audience integer CHECK (audience > 0),
    stopped_at timestamptz,
    not_made integer NOT NULL DEFAULT 0 CHECK (not_made BETWEEN 0 AND coalesce(audience, 0)),
    CONSTRAINT sent_to_somebody CHECK ((sent_at IS NULL) = (audience IS NULL)),
    CONSTRAINT scheduled_by_somebody CHECK (send_at IS NULL OR num_nulls(send_zone, ordered_by) = 0),
    CONSTRAINT stopped_after_start CHECK (stopped_at IS NULL OR sent_at IS NOT NULL),
    CONSTRAINT not_sent_is_draft CHECK (not_sent IS NULL OR num_nonnulls(send_at, sent_at) = 0)
);
COMMENT ON COLUMN bulletin.revision IS 'rises with each change of the draft';
COMMENT ON COLUMN bulletin.fingerprint IS 'hash of segment and texts: finds the same bulletin sent before';
COMMENT ON COLUMN bulletin.send_at IS 'when it is sent; null for a draft and for one that was sent at once';
COMMENT ON COLUMN bulletin.not_sent IS 'why a scheduled bulletin did not go at its time; it is a draft again';
COMMENT ON COLUMN bulletin.not_made IS 'people for whom no mail had been made when it was stopped';
CREATE INDEX bulletin_scheduled ON bulletin (send_at) WHERE send_at IS NOT NULL AND sent_at IS NULL;
CREATE INDEX bulletin_fingerprint ON bulletin (fingerprint) WHERE sent_at IS NOT NULL;

CREATE TABLE bulletin_recipient (
    bulletin integer NOT NULL REFERENCES bulletin (number) ON DELETE CASCADE,
    subject uuid NOT NULL,
    PRIMARY KEY (bulletin, subject)
);
COMMENT ON TABLE bulletin_recipient IS
    'whom a bulletin was sent to and who has no mail of it yet: a registration goes when its mail is made';
CREATE INDEX bulletin_recipient_subject ON bulletin_recipient (subject);

CREATE TABLE bulletin_tester (
    holder text PRIMARY KEY CHECK (holder <> ''),
    closed bytea NOT NULL CHECK (length(closed) > 28),
    since timestamptz NOT NULL,
    tests integer NOT NULL CHECK (tests >= 1)
);
COMMENT ON TABLE bulletin_tester IS 'where coordinators have had test copies of bulletins sent to';
COMMENT ON COLUMN bulletin_tester.closed IS 'address: AES-256-GCM, bound to the holder';
COMMENT ON COLUMN bulletin_tester.since IS 'beginning of the hour in which the tests are counted';
"""

WEBHOOKS = """
CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    partner text NOT NULL CHECK (partner ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    url text NOT NULL CHECK (url ~ '^https://' AND length(url) <= 1000),
    secret bytea NOT NULL,
    secret_before bytea,
    before_until timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL CHECK (created_by <> ''),
    off_at timestamptz,
    off_reason text CHECK (off_reason IN ('gone', 'failing', 'by hand')),
    failing_since timestamptz,
    CONSTRAINT webhook_one_address UNIQUE (partner, url),
    CONSTRAINT webhook_off_with_reason CHECK ((off_at IS NULL) = (off_reason IS NULL)),
    CONSTRAINT webhook_before_has_end CHECK ((secret_before IS NULL) = (before_until IS NULL))
);
COMMENT ON COLUMN webhook.secret IS 'AES-256-GCM by a key that no other table has, bound to the id';

CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('registration.confirmed', 'registration.cancelled')),
    registration_id uuid NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    form text NOT NULL,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'claimed', 'delivered', 'failed', 'cancelled')),
    due_at timestamptz,
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0 CHECK (fence >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND fence),
    answer integer,
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    traceparent text NOT NULL DEFAULT '' CHECK (length(traceparent) <= 55),
    CONSTRAINT webhook_delivery_once UNIQUE (webhook_id, registration_id, revision),
    CONSTRAINT webhook_delivery_leased CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CONSTRAINT webhook_delivery_due CHECK ((state IN ('queued', 'claimed')) = (due_at IS NOT NULL)),
    CONSTRAINT webhook_delivery_ended CHECK ((state IN ('queued', 'claimed')) = (ended_at IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
COMMENT ON TABLE webhook_delivery IS 'deliveries to partners: no name and no address; ended ones are kept for a week';
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE state IN ('queued', 'claimed');
CREATE INDEX webhook_delivery_newest ON webhook_delivery (webhook_id, created_at, id);
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX webhook_delivery_registration ON webhook_delivery (registration_id);
"""

PRIVACY = """
CREATE TABLE key_check (
    name text NOT NULL CHECK (name <> ''),
    value text NOT NULL CHECK (value ~ '^[0-9a-f]{16}$'),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (name, value)
);
COMMENT ON TABLE key_check IS 'truncated HMACs that distinguish keys; they reveal nothing about a key';
"""

CONSOLE = """
COMMENT ON TABLE access_holder IS 'a copy of what registration publishes: who may do what';
"""

AUDIT_LOG = """
CREATE VIEW own_audit_log AS
    SELECT done_at AS at, done_by AS who, action, kind, subject, detail, 'd' || id AS key FROM audit_record;
"""

MESSAGING = """
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
    try_at timestamptz,
    again_at timestamptz,
    blanked_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN outbox.again_at IS 'when an operator had it published again; its waiting time counts from then';
COMMENT ON COLUMN outbox.blanked_at IS 'when the content of the message was erased; it is not published from then on';
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);

CREATE TABLE quarantine (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL CHECK (reason <> ''),
    backup_at timestamptz,
    settling boolean NOT NULL DEFAULT false,
    plan text
);
COMMENT ON TABLE quarantine IS
    'while it has a row nothing is accepted, decided, published, consumed or sent; a restore inserts it';
COMMENT ON COLUMN quarantine.plan IS 'digest of the plan of recovery that is being applied, or was';
COMMENT ON COLUMN quarantine.settling IS
    'relays and consumers continue, so that the databases catch up with each other; nothing else does';
COMMENT ON COLUMN quarantine.backup_at IS 'of the backup that was restored';

CREATE TABLE halted_queue (
    queue text PRIMARY KEY,
    halted_at timestamptz NOT NULL,
    reason text NOT NULL,
    try_at timestamptz NOT NULL
);
COMMENT ON TABLE halted_queue IS 'too many messages in a row were poison; until a success or an operator resumes';
"""

STATEMENTS = (
    COPIES,
    RECIPIENTS,
    MAILS,
    NEWS,
    WEBHOOKS,
    PRIVACY,
    SIGN_IN_TABLES,
    CONSOLE,
    AUDIT_TABLE,
    AUDIT_LOG,
    MESSAGING,
)


def upgrade() -> None:
    """Make everything."""
    for statements in STATEMENTS:
        op.execute(statements)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
