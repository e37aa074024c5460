"""Proposals in the book, news of events, reminders, recordings, bulletins, and who wants none."""

from alembic import op

revision = "0002"
down_revision = "0001"

BOOK = """
ALTER TABLE recipient RENAME COLUMN registration_id TO subject;
ALTER TABLE recipient
    ADD COLUMN about text NOT NULL DEFAULT 'registration' CHECK (about IN ('registration', 'proposal')),
    ADD COLUMN form_kind text NOT NULL DEFAULT 'webinar',
    ADD COLUMN working_group text,
    ADD COLUMN partner text,
    ADD COLUMN country text,
    ADD COLUMN verified boolean NOT NULL DEFAULT false,
    ADD COLUMN attend text,
    ADD COLUMN representative boolean NOT NULL DEFAULT false,
    ADD COLUMN place jsonb,
    ADD COLUMN heard_at timestamptz,
    ALTER COLUMN form DROP NOT NULL,
    DROP CONSTRAINT recipient_status_check,
    ADD CONSTRAINT recipient_status_check CHECK (CASE about
        WHEN 'registration' THEN status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')
        ELSE status IN ('submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn') END),
    ADD CONSTRAINT registration_has_form CHECK ((about = 'registration') = (form IS NOT NULL));
UPDATE recipient SET heard_at = noted_at;
ALTER TABLE recipient ALTER COLUMN heard_at SET NOT NULL,
    ALTER COLUMN about DROP DEFAULT, ALTER COLUMN form_kind DROP DEFAULT;
COMMENT ON COLUMN recipient.heard_at IS
    'when the entry was first made: mails written later know all events up to then';
COMMENT ON COLUMN recipient.closed IS
    'name, address, token, time zone or title and note: AES-256-GCM, bound to the subject';
COMMENT ON COLUMN recipient.place IS 'of a proposal: its place in the timetable';
CREATE INDEX recipient_event ON recipient (event, person_ref) WHERE event IS NOT NULL;
CREATE INDEX recipient_person ON recipient (person_ref, subject);
"""

MAIL = """
ALTER TABLE mail
    ADD COLUMN detail jsonb,
    ADD COLUMN expires_at timestamptz,
    DROP CONSTRAINT lane_by_kind,
    ADD CONSTRAINT lane_by_kind CHECK (lane = CASE
        WHEN kind LIKE 'reminder-%' THEN 'reminder'
        WHEN kind IN ('bulletin', 'recording-available') THEN 'bulletin'
        ELSE 'transactional' END);
COMMENT ON COLUMN mail.revision IS
    'number among those of the kind and subject: a revision, an attempt, a bulletin, the minute of a start';
COMMENT ON COLUMN mail.expires_at IS 'from then on it is missed instead of sent';
CREATE INDEX mail_expiring ON mail (expires_at) WHERE expires_at IS NOT NULL AND state IN ('queued', 'deferred');
CREATE INDEX mail_recipient ON mail (recipient, kind, revision);
ALTER TABLE mail_attempt DROP CONSTRAINT mail_attempt_outcome_check,
    ADD CONSTRAINT mail_attempt_outcome_check CHECK
        (outcome IN ('sent', 'deferred', 'failed', 'unknown', 'released', 'called_off', 'suppressed'));
"""

COPIES = """
CREATE TABLE working_group_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    content jsonb NOT NULL,
    noted_at timestamptz NOT NULL
);
CREATE TABLE resource_copy (LIKE working_group_copy INCLUDING ALL);
"""

NEWS = """
ALTER TABLE event_copy ADD COLUMN told jsonb;
UPDATE event_copy SET told = content;
ALTER TABLE event_copy ALTER COLUMN told SET NOT NULL;
COMMENT ON COLUMN event_copy.told IS 'the state of which people were told last';
CREATE INDEX event_copy_start ON event_copy ((content ->> 'starts_at') COLLATE "C");
CREATE TABLE event_news (
    event text PRIMARY KEY REFERENCES event_copy (id),
    began_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL CHECK (changed_at >= began_at),
    due_at timestamptz NOT NULL,
    correlation_id text NOT NULL
);
CREATE INDEX event_news_due ON event_news (due_at);
COMMENT ON TABLE event_news IS 'changes that people have not been told of yet, gathered for a moment';
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
CREATE INDEX announcement_open ON announcement (created_at) WHERE ended_at IS NULL;
COMMENT ON COLUMN announcement.reached IS
    'the last person who got a mail: people come in the order of their references';
"""

BULLETIN = """
CREATE TABLE bulletin (
    id uuid PRIMARY KEY,
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    segment jsonb NOT NULL,
    texts jsonb NOT NULL CHECK (texts ? 'en'),
    created_at timestamptz NOT NULL,
    sent_at timestamptz,
    audience integer CHECK (audience >= 0),
    CONSTRAINT sent_to_somebody CHECK ((sent_at IS NULL) = (audience IS NULL))
);
CREATE TABLE suppression (
    person_ref text PRIMARY KEY CHECK (person_ref ~ '^[0-9a-f]{64}$'),
    said_by text NOT NULL CHECK (said_by IN ('recipient', 'coordinator')),
    since timestamptz NOT NULL
);
COMMENT ON TABLE suppression IS 'people who get no bulletins';
"""


def upgrade() -> None:
    """From registrations alone to everything that people are told."""
    for statements in (BOOK, MAIL, COPIES, NEWS, BULLETIN):
        op.execute(statements)
