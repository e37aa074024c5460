"""Indexes by which coordinators find people among a million: address, name, country, partner, group, day."""

from alembic import op

revision = "0004"
down_revision = "0003"

INDEXES = {
    "registration_address": "(lower(email) text_pattern_ops)",
    # words as the search takes them: between blanks, whatever signs are in them
    "registration_words": "USING gin (array_to_tsvector(array_remove(string_to_array(lower(name), ' '), '')))",
    "registration_country": "(country, id) WHERE country IS NOT NULL",
    "registration_partner": "(partner, id) WHERE partner IS NOT NULL",
    "registration_group": "(working_group, id) WHERE working_group IS NOT NULL",
    # rows lie in order of their arrival, so this takes a few pages and costs the intake nothing
    "registration_day": "USING brin (accepted_at) WITH (pages_per_range = 16)",
}


def upgrade() -> None:
    """Make them. Writing waits meanwhile (a few seconds at a million rows)."""
    for name, what in INDEXES.items():
        op.execute(f"CREATE INDEX {name} ON registration {what}")
    # at once what autovacuum would do later: without the words' statistics the planner guesses
    op.execute("ANALYZE registration")


def downgrade() -> None:
    """Drop them."""
    op.execute(f"DROP INDEX {', '.join(INDEXES)}")
