"""Names of speakers who agree, in clear while their side event is public.

The database removes a name once it may no longer be public, by whatever statement that happens, also by one of the
previous version. No key is needed for that. Processes with the key add names (``side_events/naming.py``).
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the empty column, the rule and its triggers; nothing that exists changes."""
    op.execute("""
        ALTER TABLE proposal ADD COLUMN public_names jsonb;
        COMMENT ON COLUMN proposal.public_names IS
            'in clear, [{"speaker": reference, "name": name}]: of those who are public_speakers(); NULL: no one';

        CREATE FUNCTION public_speakers(one proposal) RETURNS text[] LANGUAGE sql STABLE AS $$
            SELECT coalesce(array_agg(speaker), '{}') FROM unnest(one.named_speakers) AS speaker
            WHERE one.status = 'scheduled' AND one.erased_at IS NULL AND one.speaker_names IS NOT NULL
                AND (one.suggestion IS NULL OR one.suggestion -> 'named_speakers' ? speaker)
                AND EXISTS (SELECT FROM event e WHERE e.id = one.event_id AND NOT e.internal
                    AND e.status IN ('tentative', 'confirmed', 'held'))
        $$;
        COMMENT ON FUNCTION public_speakers IS
            'references of the speakers whose names are public: they agree, and the side event is published';

        CREATE FUNCTION proposal_public_names() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.public_names := (
                SELECT jsonb_agg(entry ORDER BY number)
                FROM jsonb_array_elements(NEW.public_names) WITH ORDINALITY AS entries (entry, number)
                WHERE entry ->> 'speaker' = ANY (public_speakers(NEW)));
            RETURN NEW;
        END $$;
        CREATE TRIGGER proposal_public_names BEFORE INSERT OR UPDATE ON proposal FOR EACH ROW
            WHEN (NEW.public_names IS NOT NULL) EXECUTE FUNCTION proposal_public_names();

        CREATE FUNCTION event_public_names() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE proposal SET public_names = public_names WHERE event_id = NEW.id;
            RETURN NULL;
        END $$;
        CREATE TRIGGER event_public_names AFTER UPDATE ON event FOR EACH ROW
            WHEN ((OLD.status, OLD.internal) IS DISTINCT FROM (NEW.status, NEW.internal))
            EXECUTE FUNCTION event_public_names();
    """)


def downgrade() -> None:
    """Take them back; the version before decrypts the names for each page."""
    op.execute("""
        DROP TRIGGER event_public_names ON event;
        DROP FUNCTION event_public_names();
        DROP TRIGGER proposal_public_names ON proposal;
        DROP FUNCTION proposal_public_names();
        DROP FUNCTION public_speakers(proposal);
        ALTER TABLE proposal DROP COLUMN public_names;
    """)
