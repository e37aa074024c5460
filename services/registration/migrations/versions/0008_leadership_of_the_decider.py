"""Leadership of the decider by a lock on a table, which only its own login and those that pause it may take.

An advisory lock is open to every login of the database, and one that is held for ever would stop all decisions. Version
0.1.0 leads by the advisory lock: it still counts, if its holder may lead.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

UPGRADE = """
CREATE TABLE decider_lead (held boolean PRIMARY KEY);
COMMENT ON TABLE decider_lead IS
    'without rows: who locks it by a function decides, or keeps others from deciding';

CREATE FUNCTION try_to_lead() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE public.decider_lead IN EXCLUSIVE MODE NOWAIT;
    RETURN pg_try_advisory_xact_lock(7240018) OR NOT public.leads_by_number();
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

CREATE FUNCTION pause_deciders() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    LOCK TABLE public.decider_lead IN EXCLUSIVE MODE;
    IF NOT pg_try_advisory_xact_lock(7240018) AND public.leads_by_number() THEN
        PERFORM pg_advisory_xact_lock(7240018);
    END IF;
END $$;

CREATE FUNCTION leads_by_number() RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (SELECT FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = 7240018 AND l.objsubid = 1
            AND l.pid <> pg_backend_pid() AND a.datname = current_database()
            AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND (has_function_privilege(a.usename, 'public.try_to_lead()', 'EXECUTE')
                OR has_function_privilege(a.usename, 'public.pause_deciders()', 'EXECUTE')))
$$;
COMMENT ON FUNCTION leads_by_number IS 'whether a process of 0.1.0 leads, by the advisory lock';

REVOKE ALL ON FUNCTION leads_by_number(), try_to_lead(), pause_deciders() FROM PUBLIC;
"""


def upgrade() -> None:
    """Make the table and the functions that lock it."""
    op.execute(UPGRADE)


def downgrade() -> None:
    """Lead by the advisory lock alone."""
    op.execute("DROP FUNCTION pause_deciders(); DROP FUNCTION try_to_lead(); DROP FUNCTION leads_by_number()")
    op.execute("DROP TABLE decider_lead")
