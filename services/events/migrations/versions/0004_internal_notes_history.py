"""Internal events, what coordinators note about events, who changed what, and registrations by the day they came."""

from alembic import op

revision = "0004"
down_revision = "0003"

SCHEMA = """
-- Of the system itself (the canary's): it takes registrations, and stands in no programme and in no number.
ALTER TABLE event ADD COLUMN internal boolean NOT NULL DEFAULT false;
CREATE INDEX event_internal ON event (id) WHERE internal;

-- Registrations of internal events are counted apart, so that the overview of people stays one look at one table.
ALTER TABLE tally ADD COLUMN internal boolean NOT NULL DEFAULT false;
ALTER TABLE tally DROP CONSTRAINT tally_pkey;
ALTER TABLE tally ADD PRIMARY KEY (internal, dimension, name);

CREATE TABLE event_note (
    id uuid PRIMARY KEY,
    -- Order of writing: ids come from outside, and clocks may show the same time twice.
    number bigint GENERATED ALWAYS AS IDENTITY,
    event_id text NOT NULL REFERENCES event (id),
    words text NOT NULL CHECK (words <> '' AND length(words) <= 4000),
    written_by text NOT NULL CHECK (written_by <> ''),
    written_at timestamptz NOT NULL
);
CREATE INDEX event_note_by_event ON event_note (event_id, number);
-- What was written stays as it was. Deleting is left to whoever has to erase what should never have been written.
CREATE FUNCTION event_note_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a note is never changed: write another one';
END $$;
CREATE TRIGGER event_note_stays BEFORE UPDATE ON event_note FOR EACH ROW EXECUTE FUNCTION event_note_stays();

-- Who did what to an event or its resources, without the values: those may be meeting links and notes.
CREATE TABLE event_change (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    event_id text NOT NULL REFERENCES event (id),
    revision integer NOT NULL CHECK (revision >= 1),
    deed text NOT NULL CHECK (deed <> ''),
    resource_id text,
    fields text[] NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    changed_at timestamptz NOT NULL
);
CREATE INDEX event_change_by_event ON event_change (event_id, number);

-- The day on which somebody registered stands in the id, a UUID of version 7; before, it was that of their status.
DELETE FROM tally WHERE dimension = 'day';
INSERT INTO tally (dimension, name, registrations)
    SELECT 'day', to_char(made_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), count(*) FROM roster, LATERAL (
        SELECT CASE substr(registration_id::text, 15, 1)
            WHEN '7' THEN to_timestamp(
                ('x' || left(replace(registration_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
            ELSE occurred_at END AS made_at) AS moment
    WHERE status IN ('confirmed', 'waitlisted') GROUP BY 2;
"""

UNDO = """
DROP TABLE event_change, event_note;
DROP FUNCTION event_note_stays;
DELETE FROM tally WHERE dimension = 'day' OR internal;
ALTER TABLE tally DROP CONSTRAINT tally_pkey;
ALTER TABLE tally DROP COLUMN internal;
ALTER TABLE tally ADD PRIMARY KEY (dimension, name);
INSERT INTO tally (dimension, name, registrations)
    SELECT 'day', to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'), count(*) FROM roster
    WHERE status IN ('confirmed', 'waitlisted') GROUP BY 2;
INSERT INTO tally (dimension, name, registrations)
    SELECT dimension, name, count(*) FROM roster, LATERAL (VALUES
        ('form_kind', form_kind), ('partner', partner), ('country', country)) AS each (dimension, name)
    WHERE status IN ('confirmed', 'waitlisted') AND name IS NOT NULL
        AND event_id IN (SELECT id FROM event WHERE internal) GROUP BY dimension, name
    ON CONFLICT (dimension, name) DO UPDATE SET registrations = tally.registrations + excluded.registrations;
DROP INDEX event_internal;
ALTER TABLE event DROP COLUMN internal;
"""


def upgrade() -> None:
    """Add it, and count the days anew."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Take it away, with all notes; internal events are events like others then."""
    op.execute(UNDO)
