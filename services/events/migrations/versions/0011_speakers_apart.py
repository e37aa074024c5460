"""Names of speakers stand in a column of their own, so that they can go before the person who proposed them."""

from alembic import op

revision = "0011"
down_revision = "0010"

SCHEMA = """
ALTER TABLE proposal
    ADD COLUMN speaker_names bytea,
    ADD CONSTRAINT proposal_erased_names_nobody CHECK (erased_at IS NULL OR speaker_names IS NULL);
ALTER TABLE shadow_proposal
    ADD COLUMN speaker_names bytea,
    ADD CONSTRAINT proposal_erased_names_nobody CHECK (erased_at IS NULL OR speaker_names IS NULL);
COMMENT ON COLUMN proposal.speaker_names IS 'names of the speakers: AES-GCM, the key is outside; NULL: none, or gone';
COMMENT ON COLUMN proposal.contact IS
    'name, address, link token: AES-GCM, the key is outside; of proposals from before 0011 also names of speakers';
"""


def upgrade() -> None:
    """No migration has the key: what was proposed before keeps its speakers in its contact, and they go with it."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """The schema before has no place for the names."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
