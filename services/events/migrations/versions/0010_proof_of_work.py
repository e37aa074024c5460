"""The proposal form may ask for a proof of work; whoever sends none confirms the address. Shadows of proposals."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATUSES = """
ALTER TABLE proposal DROP CONSTRAINT proposal_status_check, ADD CONSTRAINT proposal_status_check CHECK
    (status IN ({unverified}'submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn'));
"""
SCHEMA = """
CREATE INDEX proposal_unverified ON proposal (submitted_at) WHERE status = 'unverified';
CREATE TABLE used_challenge (
    id bytea PRIMARY KEY,
    form text NOT NULL,
    used_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX used_challenge_lately ON used_challenge (form, used_at);
CREATE INDEX used_challenge_age ON used_challenge (used_at);
CREATE TABLE shadow_proposal (LIKE proposal INCLUDING ALL, FOREIGN KEY (event_id) REFERENCES event (id))
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE TABLE shadow_proposal_change (LIKE proposal_change INCLUDING ALL,
    FOREIGN KEY (proposal_id) REFERENCES shadow_proposal (id) ON DELETE CASCADE)
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN shadow_proposal.key_hash IS 'a repetition with its key is answered as at first, as for a proposal';
"""


def upgrade() -> None:
    """What a later migration adds to a table that has a shadow, it adds to the shadow."""
    op.execute(STATUSES.format(unverified="'unverified', ") + SCHEMA)


def downgrade() -> None:
    """Refused by the database while an address is still to be confirmed: coordinators would see the proposal."""
    op.execute("DROP TABLE used_challenge, shadow_proposal_change, shadow_proposal; DROP INDEX proposal_unverified")
    op.execute(STATUSES.format(unverified=""))
