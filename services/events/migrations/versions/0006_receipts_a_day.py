"""Proposals by whoever made them and when: how many mails an address was sent about new ones in a day."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Find somebody's newest proposals without reading all."""
    op.execute("CREATE INDEX proposal_by_person ON proposal (person_ref, submitted_at)")


def downgrade() -> None:
    """Take the index away."""
    op.execute("DROP INDEX proposal_by_person")
