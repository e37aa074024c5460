"""Mails about changes of an event: when they are due, of what, and how many were sent."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """The table of notices, and which one a change of an event is in; NULL for none and for earlier changes."""
    op.execute("""
        CREATE TABLE event_notice (
            id uuid PRIMARY KEY,
            event_id text NOT NULL REFERENCES event (id),
            revision integer NOT NULL CHECK (revision >= 1),
            began_at timestamptz NOT NULL,
            due_at timestamptz NOT NULL,
            before jsonb NOT NULL,
            fields text[] NOT NULL,
            sent integer NOT NULL DEFAULT 0 CHECK (sent >= 0)
        ) WITH (fillfactor = 50);
        CREATE INDEX event_notice_by_event ON event_notice (event_id, revision);
        COMMENT ON COLUMN event_notice.revision IS 'of the event after the first change';
        COMMENT ON COLUMN event_notice.before IS 'what participants knew, by field';
        COMMENT ON COLUMN event_notice.fields IS 'in which the event differs from that; none if it was put back';
        ALTER TABLE event_change ADD COLUMN notice uuid REFERENCES event_notice (id);
    """)


def downgrade() -> None:
    """Take both back; the version before shows no notices."""
    op.execute("ALTER TABLE event_change DROP COLUMN notice; DROP TABLE event_notice;")
