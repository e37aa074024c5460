"""An operator can have messages of a halted queue parked without a pause: for one reason, and at most so many."""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add how many messages may be parked, and for which reason."""
    op.execute("""
        ALTER TABLE halted_queue ADD COLUMN parking_reason text NOT NULL DEFAULT '';
        ALTER TABLE halted_queue ADD COLUMN parking_left integer NOT NULL DEFAULT 0;
        COMMENT ON COLUMN halted_queue.parking_left IS 'messages with parking_reason that are parked without a pause'
    """)


def downgrade() -> None:
    """Remove it: queues that were halted stay halted."""
    op.execute("ALTER TABLE halted_queue DROP COLUMN parking_left; ALTER TABLE halted_queue DROP COLUMN parking_reason")
