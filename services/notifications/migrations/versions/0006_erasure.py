"""What is left of whoever was erased: that there was an entry, when it ended, and what became of its mails."""

from alembic import op

revision = "0006"
down_revision = "0005"

SCHEMA = """
ALTER TABLE recipient
    ADD COLUMN erased_at timestamptz,
    ADD COLUMN carried integer NOT NULL DEFAULT 0 CHECK (carried >= 0),
    ALTER COLUMN person_ref DROP NOT NULL,
    ALTER COLUMN language DROP NOT NULL,
    ALTER COLUMN closed DROP NOT NULL,
    ADD CONSTRAINT recipient_is_somebody
        CHECK (erased_at IS NOT NULL OR num_nulls(person_ref, language, closed) = 0),
    ADD CONSTRAINT recipient_erased_is_nobody
        CHECK (erased_at IS NULL OR (NOT representative AND num_nonnulls(person_ref, language, closed, position,
            working_group, partner, country, attend, place) = 0));
COMMENT ON COLUMN recipient.carried IS
    'revisions of erased registrations of the same person for the same event: a calendar entry only ever rises';
ALTER TABLE mail ALTER COLUMN recipient DROP NOT NULL;
COMMENT ON COLUMN mail.recipient IS 'null once the person was erased: then it goes to nobody any more';
UPDATE announcement SET reached = '' WHERE ended_at IS NOT NULL;
COMMENT ON COLUMN announcement.reached IS
    'the last person who got a mail: people come in the order of their references; empty once it has ended';
ALTER TABLE outbox ADD COLUMN blanked_at timestamptz;
COMMENT ON COLUMN outbox.blanked_at IS 'when the content of the message was erased; it is not published from then on';
"""


def upgrade() -> None:
    """Nobody was erased before."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Whoever was erased has no place in the schema before."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
