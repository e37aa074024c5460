"""Quotas of forms without verification: which submissions were registered at once, until their owners act."""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLE = """
CREATE TABLE unverified_submission (
    form text NOT NULL,
    person_key bytea NOT NULL CHECK (length(person_key) = 32),
    network bytea NOT NULL CHECK (length(network) = 32),
    domain_ref bytea NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (form, person_key, network)
);
CREATE INDEX unverified_submission_network ON unverified_submission (form, network);
CREATE INDEX unverified_submission_domain ON unverified_submission (domain_ref) WHERE domain_ref <> '';
COMMENT ON TABLE unverified_submission IS
    'submissions that got the outcome of a registration at once, for a day at most, until a link of theirs is used';
COMMENT ON COLUMN unverified_submission.network IS 'or 32 zero bytes: no network is known';
COMMENT ON COLUMN unverified_submission.domain_ref IS 'empty for a mail provider';
"""


def upgrade() -> None:
    """Create the table."""
    op.execute(TABLE)


def downgrade() -> None:
    """Forget them: the previous version has no quotas for such forms."""
    op.execute("DROP TABLE unverified_submission")
