"""The notice after a jump of the time: what nothing can restore is deleted a day after the wait has ended."""

from alembic import op

from shared.db.highest_time import ANNOUNCED_AT

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Begin without a notice."""
    op.execute(ANNOUNCED_AT)


def downgrade() -> None:
    """Forget it: processes of the older version delete everything when the wait ends."""
    op.execute("ALTER TABLE highest_time DROP COLUMN announced_at")
