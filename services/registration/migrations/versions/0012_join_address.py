"""Where an event is joined online: shown on the own pages of those who have a seat, in place of the mails."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """It is filled by the next message about each event."""
    op.execute("ALTER TABLE event_copy ADD COLUMN join_url text")


def downgrade() -> None:
    """Own pages show no way to join any more."""
    op.execute("ALTER TABLE event_copy DROP COLUMN join_url")
