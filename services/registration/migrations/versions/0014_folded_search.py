"""Names are found without their accents, and people by their organisation."""

from alembic import op
from sqlalchemy import text

from shared.store.folding import folding_function, words_of

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Make the new indexes in place of the old. Writing waits meanwhile (some seconds at a million rows)."""
    op.execute(folding_function())
    _drop_old("registration")
    _drop_old("shadow_registration")
    op.execute(f"CREATE INDEX registration_words ON registration USING gin ({words_of('name')})")
    op.execute(f"CREATE INDEX shadow_registration_words ON shadow_registration USING gin ({words_of('name')})")
    op.execute(f"CREATE INDEX organisation_words ON organisation USING gin ({words_of('name')})")
    op.execute("ANALYZE registration")
    op.execute("ANALYZE organisation")


def _drop_old(table: str) -> None:
    """The shadow's copy of the index has a name that PostgreSQL made."""
    find = "SELECT indexname FROM pg_indexes WHERE tablename = :table AND indexdef LIKE '%array_to_tsvector%'"
    for (name,) in op.get_bind().execute(text(find), {"table": table}).all():
        op.execute(f'DROP INDEX "{name}"')


def downgrade() -> None:
    """Search with accents again."""
    op.execute("DROP INDEX registration_words, shadow_registration_words, organisation_words")
    old = "array_to_tsvector(array_remove(string_to_array(lower(name), ' '), ''))"
    for table in ("registration", "shadow_registration"):
        op.execute(f"CREATE INDEX {table}_words ON {table} USING gin ({old})")
    op.execute("DROP FUNCTION folded")
