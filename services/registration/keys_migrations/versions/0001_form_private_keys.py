"""The schema of the keys database: one table, and the only way in which a desk may change a row of it."""

from alembic import op

revision = "0001"
down_revision = None

FORM_KEYS = """
CREATE TABLE form_private_key (
    form text PRIMARY KEY,
    wrapped bytea CHECK (octet_length(wrapped) BETWEEN 1 AND 4096),
    fingerprints text[] NOT NULL DEFAULT '{}',
    made_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CONSTRAINT form_private_key_destroyed_has_none CHECK ((wrapped IS NULL) = (destroyed_at IS NOT NULL))
) WITH (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
COMMENT ON TABLE form_private_key IS
    'private keys (X25519), wrapped by a master key that no database holds; tombstones of those that were destroyed';
COMMENT ON COLUMN form_private_key.fingerprints IS
    'of the public halves, newest first; of a destroyed key those that it had';

CREATE FUNCTION refuse_to_change_tombstone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the key of % was destroyed, and its tombstone stays', OLD.form;
END $$;
CREATE TRIGGER tombstone_stays BEFORE UPDATE OR DELETE ON form_private_key
    FOR EACH ROW WHEN (OLD.destroyed_at IS NOT NULL) EXECUTE FUNCTION refuse_to_change_tombstone();

CREATE FUNCTION destroy_form_key(of_form text, at timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.form_private_key AS held (form, destroyed_at) VALUES (of_form, at)
    ON CONFLICT (form) DO UPDATE SET wrapped = NULL, changed_at = now(), destroyed_at = excluded.destroyed_at
        WHERE held.destroyed_at IS NULL
$$;
COMMENT ON FUNCTION destroy_form_key IS
    'writes the tombstone and deletes the key, if there is one; a tombstone that exists stays as it is';
REVOKE ALL ON FUNCTION destroy_form_key(text, timestamptz) FROM PUBLIC;
"""


def upgrade() -> None:
    """Make everything."""
    op.execute(FORM_KEYS)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
