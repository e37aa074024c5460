"""The lane of a mail follows from the registry of kinds alone: a new kind needs no migration."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Let the registry decide."""
    op.execute("ALTER TABLE mail DROP CONSTRAINT lane_by_kind")


def downgrade() -> None:
    """Check the kinds of the older version; mails of newer kinds are to be gone by then."""
    op.execute("""
        ALTER TABLE mail ADD CONSTRAINT lane_by_kind CHECK (lane = CASE
            WHEN kind = 'verification' THEN 'verification'
            WHEN kind LIKE 'reminder-%' OR kind = 'details' THEN 'reminder'
            WHEN kind IN ('bulletin', 'recording-available') THEN 'bulletin'
            ELSE 'transactional' END)
    """)
