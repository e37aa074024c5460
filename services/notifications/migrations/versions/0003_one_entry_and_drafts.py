"""From which state of its event a mail was written; drafts of bulletins that change."""

from alembic import op

revision = "0003"
down_revision = "0002"

MAIL = """
ALTER TABLE mail ADD COLUMN event_revision integer CHECK (event_revision >= 1);
COMMENT ON COLUMN mail.event_revision IS
    'of the event, as it was known when the mail was last written; null before that and without an event';
"""

BULLETIN = """
ALTER TABLE bulletin ADD COLUMN revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1);
ALTER TABLE bulletin ALTER COLUMN revision DROP DEFAULT;
COMMENT ON COLUMN bulletin.revision IS 'rises with each change of the draft';
"""


def upgrade() -> None:
    """Bring the tables there."""
    for statements in (MAIL, BULLETIN):
        op.execute(statements)
