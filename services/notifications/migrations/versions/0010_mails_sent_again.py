"""When a mail ended without reaching anybody for certain, and when somebody had it sent again."""

from alembic import op

revision = "0010"
down_revision = "0009"

SCHEMA = """
ALTER TABLE mail ADD COLUMN ended_at timestamptz, ADD COLUMN requeued_at timestamptz;
UPDATE mail SET ended_at = coalesce(
    (SELECT max(a.ended_at) FROM mail_attempt a WHERE a.mail_id = mail.id), mail.expires_at, mail.created_at)
    WHERE state IN ('failed', 'missed') OR (state = 'unknown' AND due_at IS NULL);
ALTER TABLE mail ADD CONSTRAINT ended_undelivered
    CHECK (ended_at IS NULL OR state IN ('failed', 'missed', 'unknown'));
COMMENT ON COLUMN mail.ended_at IS 'when it failed, was missed, or was left unknown for good';
COMMENT ON COLUMN mail.requeued_at IS 'when somebody last had it sent again: time limits count from then';
CREATE INDEX mail_undelivered ON mail (coalesce(ended_at, created_at), id)
    WHERE recipient IS NOT NULL AND (state IN ('failed', 'missed') OR (state = 'unknown' AND due_at IS NULL));
"""


def upgrade() -> None:
    """Date what ended before by its last attempt."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Nobody knows any more what was sent again."""
    op.execute("""
        DROP INDEX mail_undelivered;
        ALTER TABLE mail DROP CONSTRAINT ended_undelivered, DROP COLUMN ended_at, DROP COLUMN requeued_at;
    """)
