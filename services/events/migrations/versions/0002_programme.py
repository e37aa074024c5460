"""Changing events, resources, hotel blocks, and the numbers of the overview, kept by difference."""

from alembic import op

revision = "0002"
down_revision = "0001"

SCHEMA = """
ALTER TABLE event ADD COLUMN form text CHECK (form ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(form) <= 80);
-- When participants last saw it change; calendars ask for it. Unknown of what was stored before this migration.
ALTER TABLE event ADD COLUMN changed_at timestamptz;

CREATE TABLE resource (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    kind text NOT NULL CHECK (kind IN ('recording', 'slides', 'brief')),
    title text NOT NULL CHECK (title <> ''),
    url text NOT NULL CHECK (url LIKE 'https://%'),
    language text NOT NULL CHECK (language <> ''),
    event text REFERENCES event (id),
    series text REFERENCES series (id),
    city text CHECK (city <> ''),
    published boolean NOT NULL,
    announced boolean NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    CONSTRAINT resource_belongs_to_something CHECK (coalesce(event, series, city) IS NOT NULL),
    CONSTRAINT resource_published_is_announced CHECK (announced OR NOT published)
);
CREATE INDEX resource_by_event ON resource (event) WHERE event IS NOT NULL;
CREATE INDEX resource_by_series ON resource (series) WHERE series IS NOT NULL;
CREATE TABLE hotel_block (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    name text NOT NULL CHECK (name <> ''),
    city text NOT NULL CHECK (city <> ''),
    url text CHECK (url LIKE 'https://%'),
    booking_code text CHECK (booking_code <> ''),
    book_until date,
    rooms integer NOT NULL CHECK (rooms >= 1),
    note text NOT NULL
);

-- The event that everybody on this form should attend as well.
ALTER TABLE roster ADD COLUMN attend text;
ALTER TABLE roster DROP CONSTRAINT roster_status_check;
ALTER TABLE roster ADD CONSTRAINT roster_status_check
    CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired'));
ALTER TABLE event_count DROP CONSTRAINT event_count_status_check;
ALTER TABLE event_count ADD CONSTRAINT event_count_status_check
    CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired'));
-- Who comes: interest, membership of a group and proposals are on forms too, and attend nothing.
DROP INDEX roster_representative;
CREATE INDEX roster_representative ON roster (event_id, working_group, status)
    WHERE representative AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
    AND form_kind NOT IN ('interest', 'working_group', 'proposal');
CREATE INDEX roster_live_person ON roster (event_id, person_ref, form_kind)
    WHERE status IN ('confirmed', 'waitlisted') AND event_id IS NOT NULL;
CREATE INDEX roster_traveller ON roster (registration_id) INCLUDE (person_ref, attend)
    WHERE form_kind = 'delegation' AND status IN ('confirmed', 'waitlisted');
CREATE INDEX roster_member ON roster (working_group, person_ref)
    WHERE form_kind = 'working_group' AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL;
-- Counts of live registrations by partner, country and day, so that the overview never reads the roster.
CREATE TABLE tally (
    dimension text NOT NULL CHECK (dimension IN ('form_kind', 'partner', 'country', 'day')),
    name text NOT NULL,
    registrations integer NOT NULL,
    PRIMARY KEY (dimension, name)
) WITH (fillfactor = 50);
CREATE TABLE person_contact (
    person_ref bytea PRIMARY KEY CHECK (length(person_ref) = 32),
    last_mail_at timestamptz NOT NULL
) WITH (fillfactor = 50);

-- What is known already counts. Attendance alone is in event_count from now on.
DELETE FROM event_count;
INSERT INTO event_count (event_id, status, registrations)
    SELECT event_id, status, count(*) FROM roster
    WHERE event_id IS NOT NULL AND form_kind NOT IN ('interest', 'working_group', 'proposal')
    GROUP BY event_id, status;
INSERT INTO tally (dimension, name, registrations)
    SELECT dimension, name, count(*) FROM roster, LATERAL (VALUES
        ('form_kind', form_kind), ('partner', partner), ('country', country),
        ('day', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))) AS each (dimension, name)
    WHERE status IN ('confirmed', 'waitlisted') AND name IS NOT NULL GROUP BY dimension, name;
INSERT INTO person_contact (person_ref, last_mail_at)
    SELECT person_ref, max(sent_at) FROM roster JOIN mail_contact USING (registration_id) GROUP BY person_ref;
"""

UNDO = """
DROP TABLE person_contact, tally, hotel_block, resource;
DROP INDEX roster_member, roster_traveller, roster_live_person, roster_representative;
CREATE INDEX roster_representative ON roster (event_id, working_group, status)
    WHERE representative AND status <> 'cancelled' AND working_group IS NOT NULL;
DELETE FROM event_count;
INSERT INTO event_count (event_id, status, registrations)
    SELECT event_id, status, count(*) FROM roster
    WHERE event_id IS NOT NULL AND status IN ('confirmed', 'waitlisted', 'cancelled') GROUP BY event_id, status;
ALTER TABLE roster DROP COLUMN attend;
ALTER TABLE event DROP COLUMN changed_at, DROP COLUMN form;
"""


def upgrade() -> None:
    """Add it, and count what is known."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Take it away; registrations that only this schema knows stay in the roster."""
    op.execute(UNDO)
