"""Until when a form is open: the start or the end of its event. People may register while an online event is on."""

from alembic import op

revision = "0007"
down_revision = "0006"

OPEN_UNTIL = """
ALTER TABLE form ADD COLUMN open_until text CHECK (open_until IN ('start', 'end'));
COMMENT ON COLUMN form.open_until IS
    'of its event; NULL: the end for people who attend an online event, else the start';
CREATE OR REPLACE VIEW public_form AS
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, e.title AS event_title, e.time_zone, e.starts_at,
        e.status AS event_status, e.ends_at, f.closes_hours_before, f.attend, f.opens_at, f.closes_at, f.person_days,
        e.city, f.people_per_address, f.controller, f.contact, f.changes_until, f.alarm_minutes, f.join_minutes_before,
        s.word AS seat_word,
        ARRAY(SELECT key FROM jsonb_each(s.options) WHERE (value->>'taken')::int >= (value->>'limit')::int)
            AS full_options,
        f.open_until, e.mode
    FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id;
"""
BEFORE = """
DROP VIEW public_form;
CREATE VIEW public_form AS
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, e.title AS event_title, e.time_zone, e.starts_at,
        e.status AS event_status, e.ends_at, f.closes_hours_before, f.attend, f.opens_at, f.closes_at, f.person_days,
        e.city, f.people_per_address, f.controller, f.contact, f.changes_until, f.alarm_minutes, f.join_minutes_before,
        s.word AS seat_word,
        ARRAY(SELECT key FROM jsonb_each(s.options) WHERE (value->>'taken')::int >= (value->>'limit')::int)
            AS full_options
    FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id;
COMMENT ON VIEW public_form IS 'all that the public processes may read of a form: no number of seats, no person';
ALTER TABLE form DROP COLUMN open_until;
"""


def upgrade() -> None:
    """Add the column, and show it and the mode of the event to public processes."""
    op.execute(OPEN_UNTIL)


def downgrade() -> None:
    """Remove the column; the next ``migrate`` grants the rights on the view again."""
    op.execute(BEFORE)
