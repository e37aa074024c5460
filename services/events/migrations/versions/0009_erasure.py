"""What is left of whoever was erased: that they were counted; messages whose content is gone."""

from alembic import op

revision = "0009"
down_revision = "0008"

SCHEMA = """
ALTER TABLE roster
    ADD COLUMN erased_at timestamptz,
    ALTER COLUMN person_ref DROP NOT NULL,
    ADD CONSTRAINT roster_is_somebodys CHECK (erased_at IS NOT NULL OR person_ref IS NOT NULL),
    ADD CONSTRAINT roster_erased_is_nobodys CHECK (erased_at IS NULL
        OR (language = 'und' AND num_nonnulls(person_ref, organisation_id, mode, attend, position) = 0));
COMMENT ON COLUMN roster.erased_at IS
    'the row only counts from then on: group, country and partner stay while it does, and nothing says whose it was';
CREATE INDEX roster_by_person ON roster (person_ref) WHERE person_ref IS NOT NULL;
ALTER TABLE proposal
    ADD COLUMN erased_at timestamptz,
    ALTER COLUMN person_ref DROP NOT NULL,
    ALTER COLUMN contact DROP NOT NULL,
    ALTER COLUMN token_hash DROP NOT NULL,
    DROP CONSTRAINT proposal_title_check,
    ADD CONSTRAINT proposal_title_check CHECK (title <> '' OR erased_at IS NOT NULL),
    ADD CONSTRAINT proposal_is_somebodys
        CHECK (erased_at IS NOT NULL OR num_nulls(person_ref, contact, token_hash) = 0),
    ADD CONSTRAINT proposal_erased_is_nobodys CHECK (erased_at IS NULL OR (title = '' AND summary = '' AND note = ''
        AND language = 'und' AND speakers = '{}' AND preferred_on = '{}' AND unavailable_on = '{}'
        AND num_nonnulls(person_ref, contact, token_hash, organisation, working_group) = 0));
COMMENT ON COLUMN proposal.erased_at IS 'what was proposed, and by whom, is gone from then on';
"""
OUTBOX = """
ALTER TABLE {table} ADD COLUMN blanked_at timestamptz;
COMMENT ON COLUMN {table}.blanked_at IS 'when the content of the message was erased; it is not published from then on';
CREATE INDEX {table}_subject ON {table} (subject);
"""


def upgrade() -> None:
    """Nobody was erased before. The shadow keeps the shape of the outbox."""
    op.execute(SCHEMA)
    for table in ("outbox", "shadow_outbox"):
        op.execute(OUTBOX.format(table=table))


def downgrade() -> None:
    """Whoever was erased has no place in the schema before."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
