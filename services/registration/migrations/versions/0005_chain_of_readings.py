"""The log of readings becomes a chain: each row holds a hash of itself and of all before it."""

from alembic import op

revision = "0005"
down_revision = "0004"

SCHEMA = """
-- what a row says, the lengths before the words so that no two rows say the same
CREATE FUNCTION reading_hash(id bigint, registration_id uuid, form text, reader text, reason text, read_at timestamptz)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(convert_to(
    concat_ws('|', id, registration_id, extract(epoch FROM read_at), length(form), form, length(reader), reader,
        reason), 'UTF8'));

ALTER TABLE sealed_reading
    ALTER COLUMN id DROP IDENTITY,
    ADD COLUMN content_hash bytea NOT NULL
        GENERATED ALWAYS AS (reading_hash(id, registration_id, form, reader, reason, read_at)) STORED,
    ADD COLUMN chain_hash bytea;

CREATE FUNCTION chain_reading() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last sealed_reading;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sealed_reading'));
    SELECT * INTO last FROM sealed_reading ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;  -- no sequence: numbers stand in the chain's order, and none is missing
    NEW.chain_hash := sha256(coalesce(last.chain_hash, ''::bytea)
        || reading_hash(NEW.id, NEW.registration_id, NEW.form, NEW.reader, NEW.reason, NEW.read_at));
    RETURN NEW;
END $$;

ALTER TABLE sealed_reading DISABLE TRIGGER sealed_reading_stays;
DO $$
DECLARE reading record; before bytea := '';
BEGIN
    FOR reading IN SELECT id, content_hash FROM sealed_reading ORDER BY id LOOP
        before := sha256(before || reading.content_hash);
        UPDATE sealed_reading SET chain_hash = before WHERE id = reading.id;
    END LOOP;
END $$;
ALTER TABLE sealed_reading ENABLE TRIGGER sealed_reading_stays;
ALTER TABLE sealed_reading ALTER COLUMN chain_hash SET NOT NULL;
CREATE TRIGGER sealed_reading_chained BEFORE INSERT ON sealed_reading
    FOR EACH ROW EXECUTE FUNCTION chain_reading();
"""


def upgrade() -> None:
    """Readings from before are chained in their order."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Drop the chain; the log stays."""
    op.execute("DROP TRIGGER sealed_reading_chained ON sealed_reading")
    op.execute("ALTER TABLE sealed_reading DROP COLUMN content_hash, DROP COLUMN chain_hash")
    op.execute("DROP FUNCTION chain_reading, reading_hash")
    op.execute("ALTER TABLE sealed_reading ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY")
    op.execute("SELECT setval(pg_get_serial_sequence('sealed_reading', 'id'), max(id)) FROM sealed_reading")
