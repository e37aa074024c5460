"""Proposals whose address is not confirmed yet stand in the recipient book."""

from alembic import op

revision = "0008"
down_revision = "0007"

STATUSES = """
ALTER TABLE recipient DROP CONSTRAINT recipient_status_check, ADD CONSTRAINT recipient_status_check CHECK (CASE about
    WHEN 'registration' THEN status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')
    ELSE status IN ({unverified}'submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn') END)
"""


def upgrade() -> None:
    """Let them in."""
    op.execute(STATUSES.format(unverified="'unverified', "))


def downgrade() -> None:
    """Refused by the database while there are some: their mails would have no recipient."""
    op.execute(STATUSES.format(unverified=""))
