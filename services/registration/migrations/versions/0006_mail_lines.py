"""Lines of confirmation mails: each waiting mailbox stands in the line of each client network that asked for its mail.

So the decider reads the heads of lines, however many mailboxes wait.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

LINES = """
ALTER TABLE waiting_network ADD COLUMN domain_ref bytea, ADD COLUMN due_at timestamptz,
    ADD COLUMN proven boolean NOT NULL DEFAULT false, ADD COLUMN acted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN waiting_network.network IS
    'or 32 zero bytes: no network is known, or none any more; or 32 bytes of ones: the owner of the mailbox has acted';
COMMENT ON COLUMN waiting_network.due_at IS 'when the mail may go by its spacing; NULL in no line';
COMMENT ON COLUMN waiting_network.acted IS 'the owner of the mailbox acted for the first time after the mail';

CREATE FUNCTION stand_in_line() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    unknown CONSTANT bytea := decode(repeat('00', 32), 'hex');
    verified CONSTANT bytea := decode(repeat('ff', 32), 'hex');
    waits CONSTANT boolean := NEW.waiting_since IS NOT NULL AND NEW.muted_at IS NULL;
    due CONSTANT timestamptz := greatest(NEW.waiting_since, NEW.next_mail_at);
    has_network boolean;
BEGIN
    UPDATE public.waiting_network n SET domain_ref = NEW.domain_ref, proven = NEW.waiting_proven,
        due_at = CASE WHEN waits AND NEW.verified_at IS NULL AND n.since >= NEW.waiting_since THEN due END,
        acted = n.acted OR (TG_OP = 'UPDATE' AND OLD.verified_at IS NULL AND NEW.verified_at IS NOT NULL)
    WHERE n.mailbox_ref = NEW.mailbox_ref AND n.network NOT IN (unknown, verified);
    IF NOT waits THEN
        DELETE FROM public.waiting_network n
        WHERE n.mailbox_ref = NEW.mailbox_ref AND n.network IN (unknown, verified);
        RETURN NULL;
    END IF;
    IF NEW.verified_at IS NOT NULL THEN
        DELETE FROM public.waiting_network n WHERE n.mailbox_ref = NEW.mailbox_ref AND n.network = unknown;
    END IF;
    has_network := NEW.verified_at IS NULL AND EXISTS (
        SELECT FROM public.waiting_network n WHERE n.mailbox_ref = NEW.mailbox_ref AND n.since >= NEW.waiting_since
            AND n.network NOT IN (unknown, verified));
    INSERT INTO public.waiting_network (mailbox_ref, network, since, domain_ref, proven, due_at)
    VALUES (NEW.mailbox_ref, CASE WHEN NEW.verified_at IS NULL THEN unknown ELSE verified END, now(),
        NEW.domain_ref, NEW.waiting_proven,
        CASE WHEN has_network THEN greatest(due, NEW.waiting_since + interval '1 day') ELSE due END)
    ON CONFLICT (mailbox_ref, network) DO UPDATE
    SET domain_ref = excluded.domain_ref, proven = excluded.proven, due_at = excluded.due_at;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION stand_in_line() FROM PUBLIC;
COMMENT ON FUNCTION stand_in_line IS
    'lines in which a mailbox stands: of its networks; a day later, of mailboxes without one; of owners who have acted';
CREATE TRIGGER mailbox_in_line AFTER INSERT OR UPDATE ON mailbox FOR EACH ROW EXECUTE FUNCTION stand_in_line();

CREATE INDEX waiting_network_line ON waiting_network (domain_ref, network, due_at, mailbox_ref)
    WHERE due_at IS NOT NULL;
CREATE INDEX waiting_network_proven ON waiting_network (domain_ref, network, due_at, mailbox_ref)
    WHERE due_at IS NOT NULL AND proven;
CREATE INDEX waiting_network_oldest ON waiting_network (network, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX waiting_network_acted ON waiting_network (network) WHERE acted;
CREATE INDEX waiting_address_plain ON waiting_address (mailbox_ref) WHERE plain;
CREATE INDEX waiting_address_proven ON waiting_address (mailbox_ref, since) WHERE proven;

CREATE FUNCTION confirmation_mails_held(most bigint, at timestamptz) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce((SELECT sum(c.sent) FROM public.mail_count c WHERE c.domain_ref = ''
            AND c.began_at > at - interval '70 minutes'), 0) >= most
        AND EXISTS (SELECT FROM public.mailbox m WHERE m.waiting_since IS NOT NULL AND m.muted_at IS NULL
            AND greatest(m.next_mail_at, m.waiting_since) <= at - interval '5 minutes' AND m.next_mail_at <= at)
$$;
REVOKE ALL ON FUNCTION confirmation_mails_held(bigint, timestamptz) FROM PUBLIC;
COMMENT ON FUNCTION confirmation_mails_held IS
    'whether so many mails went to all in an hour that others wait; about no one';

UPDATE mailbox SET waiting_since = waiting_since WHERE waiting_since IS NOT NULL;
"""

NO_LINES = """
DROP FUNCTION confirmation_mails_held(bigint, timestamptz);
DROP TRIGGER mailbox_in_line ON mailbox;
DROP FUNCTION stand_in_line();
DELETE FROM waiting_network
    WHERE network IN (decode(repeat('00', 32), 'hex'), decode(repeat('ff', 32), 'hex'));
DROP INDEX waiting_network_line;
DROP INDEX waiting_network_proven;
DROP INDEX waiting_network_oldest;
DROP INDEX waiting_network_acted;
DROP INDEX waiting_address_plain;
DROP INDEX waiting_address_proven;
ALTER TABLE waiting_network DROP COLUMN domain_ref, DROP COLUMN due_at, DROP COLUMN proven, DROP COLUMN acted;
"""


def upgrade() -> None:
    """Add the lines, and put everyone in line who waits."""
    op.execute(LINES)


def downgrade() -> None:
    """Take the lines away; what waits stays."""
    op.execute(NO_LINES)
