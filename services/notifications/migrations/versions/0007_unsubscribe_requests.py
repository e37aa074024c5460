"""Requests to unsubscribe, which the public process stores and senders carry out.

Links in bulletins that were sent before open only with the key of the recipients, which the public process lacks: as
long as they are valid, it stores what it cannot read. Where no bulletin was written before, there are no such links.
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the empty tables, and the period of the former links if there are any."""
    op.execute("""
        CREATE TABLE unsubscribe_request (
            token text PRIMARY KEY CHECK (length(token) <= 1000),
            requested_at timestamptz NOT NULL
        );
        COMMENT ON TABLE unsubscribe_request IS
            'tokens of unsubscribe links that were used, for seconds: senders carry them out and delete them';

        CREATE TABLE former_links (until timestamptz NOT NULL);
        COMMENT ON TABLE former_links IS
            'until when links may be valid that only the key of the recipients opens; no row: there are none';
        INSERT INTO former_links SELECT now() + interval '730 days' WHERE EXISTS (SELECT FROM bulletin);

        CREATE FUNCTION request_unsubscribing(token text, at timestamptz) RETURNS boolean
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        BEGIN
            IF (SELECT count(*) FROM public.unsubscribe_request) >= 10000 THEN
                RETURN false;
            END IF;
            INSERT INTO public.unsubscribe_request VALUES (token, at) ON CONFLICT DO NOTHING;
            RETURN true;
        END $$;
        COMMENT ON FUNCTION request_unsubscribing IS 'stores a request, once; false if too many wait';
        REVOKE ALL ON FUNCTION request_unsubscribing FROM PUBLIC;
    """)


def downgrade() -> None:
    """Take them back, once senders of the newer version have carried out what was requested.

    Links of bulletins that were sent since then work only with the newer version.
    """
    op.execute("DROP FUNCTION request_unsubscribing(text, timestamptz)")
    op.execute("DROP TABLE unsubscribe_request, former_links")
