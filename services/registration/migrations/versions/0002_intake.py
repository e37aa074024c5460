"""Submissions are stored first and decided afterwards: the queue, candidates, mailboxes, links, and what goes with holds."""

from alembic import op

revision = "0002"
down_revision = "0001"

QUEUE = """
CREATE TABLE decider_key (
    id bytea PRIMARY KEY CHECK (length(id) = 8),
    public bytea NOT NULL CHECK (length(public) = 32),
    published_at timestamptz NOT NULL
);
COMMENT ON TABLE decider_key IS 'public keys of the decider; the newest one seals what comes now';
CREATE TABLE submission (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    receipt_hash bytea NOT NULL UNIQUE CHECK (length(receipt_hash) = 32),
    kind text NOT NULL DEFAULT 'submission'
        CHECK (kind IN ('submission', 'confirm', 'cancel', 'erase', 'send-link', 'mute', 'unmute')),
    form text NOT NULL,
    form_revision integer NOT NULL,
    token_hash bytea CHECK (length(token_hash) = 32),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    network bytea CHECK (length(network) = 32),
    challenge bytea CHECK (length(challenge) = 16),
    code text NOT NULL CHECK (code ~ '^[2-9A-HJKMNP-Z]{4}$'),
    body bytea CHECK (length(body) <= 131072),
    decider_key bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'decided', 'parked')),
    outcome jsonb,
    decided_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    parked_reason text,
    CONSTRAINT submission_command_has_token CHECK (kind = 'submission' OR token_hash IS NOT NULL),
    CONSTRAINT submission_decided CHECK ((state = 'decided') = (decided_at IS NOT NULL)),
    CONSTRAINT submission_body_goes CHECK ((state = 'decided') <= (body IS NULL)),
    CONSTRAINT submission_parked CHECK ((state = 'parked') = (parked_reason IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX submission_undecided ON submission (id) WHERE state = 'received';
CREATE INDEX submission_parked ON submission (id) WHERE state = 'parked';
CREATE INDEX submission_age ON submission (received_at);
CREATE INDEX submission_token ON submission (token_hash, id) WHERE token_hash IS NOT NULL;
COMMENT ON TABLE submission IS 'what was typed into a form, and commands by link, in order of id; afterwards its receipt';
COMMENT ON COLUMN submission.network IS 'keyed hash of the client network, another key each day; one day at most';
CREATE TABLE decider_attempt (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    numbers bigint[] NOT NULL,
    started_at timestamptz NOT NULL
);
COMMENT ON TABLE decider_attempt IS 'the batch that is being tried; left over if the decider died in it';
"""

CANDIDATES = """
CREATE TABLE candidate (
    id uuid PRIMARY KEY,
    submission bigint NOT NULL UNIQUE,
    form text NOT NULL REFERENCES form (slug),
    address_ref bytea NOT NULL CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL CHECK (length(mailbox_ref) = 32),
    domain_ref bytea NOT NULL,
    person_key bytea NOT NULL CHECK (length(person_key) = 32),
    code text NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    network bytea CHECK (length(network) = 32),
    proven boolean NOT NULL,
    received_at timestamptz NOT NULL,
    content jsonb NOT NULL,
    sealed bytea,
    mailed_at timestamptz
);
CREATE INDEX candidate_address ON candidate (address_ref, submission);
CREATE INDEX candidate_mailbox ON candidate (mailbox_ref);
CREATE INDEX candidate_age ON candidate (received_at);
COMMENT ON TABLE candidate IS 'submissions that wait until the owner of their address confirms them';
CREATE TABLE mailbox (
    mailbox_ref bytea PRIMARY KEY CHECK (length(mailbox_ref) = 32),
    domain_ref bytea NOT NULL,
    step integer NOT NULL DEFAULT 0 CHECK (step >= 0),
    last_mail_at timestamptz,
    next_mail_at timestamptz NOT NULL,
    waiting_since timestamptz,
    waiting_proven boolean NOT NULL DEFAULT false,
    waiting_network bytea,
    verified_at timestamptz,
    muted_at timestamptz
);
CREATE INDEX mailbox_due ON mailbox (next_mail_at) WHERE waiting_since IS NOT NULL AND muted_at IS NULL;
CREATE INDEX mailbox_verified ON mailbox (domain_ref) WHERE verified_at IS NOT NULL;
CREATE INDEX mailbox_mailed ON mailbox (last_mail_at) WHERE last_mail_at IS NOT NULL;
COMMENT ON TABLE mailbox IS 'when a mailbox may be written to before its owner acts, by keyed hash';
CREATE TABLE mail_count (
    domain_ref bytea NOT NULL,
    began_at timestamptz NOT NULL,
    sent integer NOT NULL CHECK (sent > 0),
    PRIMARY KEY (domain_ref, began_at)
);
COMMENT ON TABLE mail_count IS 'confirmation mails by domain and ten minutes; the empty domain is all of them';
CREATE TABLE waiting_address (
    address_ref bytea PRIMARY KEY CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL REFERENCES mailbox (mailbox_ref),
    email text NOT NULL,
    language text NOT NULL,
    since timestamptz NOT NULL
);
CREATE INDEX waiting_address_mailbox ON waiting_address (mailbox_ref, since);
COMMENT ON TABLE waiting_address IS 'addresses to which a confirmation mail is due; deleted once it is handed to the outbox';
CREATE TABLE confirmation_link (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    address_ref bytea NOT NULL CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL CHECK (length(mailbox_ref) = 32),
    domain_ref bytea NOT NULL,
    email text NOT NULL,
    language text NOT NULL,
    minted_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL
);
CREATE INDEX confirmation_link_address ON confirmation_link (address_ref);
CREATE INDEX confirmation_link_age ON confirmation_link (expires_at);
"""

REGISTRATIONS = """
ALTER TABLE form
    DROP COLUMN hold_minutes, DROP COLUMN proof_of_work,
    ADD COLUMN people_per_address integer NOT NULL DEFAULT 3 CHECK (people_per_address BETWEEN 1 AND 100),
    ADD COLUMN controller text,
    ADD COLUMN contact text;
COMMENT ON COLUMN form.controller IS 'who is responsible for the data; NULL: the installation''s organiser';
ALTER TABLE seat ADD COLUMN word text NOT NULL DEFAULT 'open' CHECK (word IN ('open', 'waiting-list', 'full'));
DROP TABLE shadow_registration, shadow_change, shadow_outbox, idempotency;
DROP INDEX registration_holds, registration_expiry, registration_verify, registration_live;
ALTER TABLE registration
    DROP CONSTRAINT registration_status_check,
    DROP CONSTRAINT registration_erased_is_nobodys,
    DROP CONSTRAINT registration_is_somebodys,
    DROP COLUMN hold_until, DROP COLUMN expires_at, DROP COLUMN verify_hash, DROP COLUMN attempts,
    DROP COLUMN attempted_at, DROP COLUMN consent_at,
    ADD COLUMN person_key bytea CHECK (length(person_key) = 32),
    ADD COLUMN mailbox_ref bytea CHECK (length(mailbox_ref) = 32),
    ADD COLUMN domain_ref bytea,
    ADD COLUMN consent jsonb NOT NULL DEFAULT '{}',
    DROP COLUMN box, DROP COLUMN token_hash,
    ADD COLUMN submission bigint,
    ADD COLUMN received_at timestamptz,
    ADD CONSTRAINT registration_status_check CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    ADD CONSTRAINT registration_is_somebodys CHECK (erased_at IS NOT NULL
        OR num_nulls(person_ref, person_key, mailbox_ref, domain_ref, email, language) = 0),
    ADD CONSTRAINT registration_erased_is_nobodys
        CHECK (erased_at IS NULL OR (NOT representative AND answers = '{}' AND consent = '{}' AND num_nonnulls(
            person_ref, person_key, mailbox_ref, domain_ref, name, email, organisation_id, working_group, country,
            time_zone, language, sealed) = 0));
CREATE UNIQUE INDEX registration_live ON registration (form, person_key) WHERE status <> 'cancelled';
CREATE INDEX registration_person ON registration (person_ref);
CREATE TABLE managing_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    registration_id uuid NOT NULL,
    minted_at timestamptz NOT NULL
);
CREATE INDEX managing_link_registration ON managing_link (registration_id, minted_at);
COMMENT ON TABLE managing_link IS 'tokens, by hash, that open one registration; the five newest of each live';
CREATE TABLE erased_address (
    address_ref bytea PRIMARY KEY CHECK (length(address_ref) = 32),
    before_number bigint NOT NULL,
    erased_at timestamptz NOT NULL
);
COMMENT ON TABLE erased_address IS 'submissions up to this number are dropped when their turn comes';
COMMENT ON COLUMN registration.person_ref IS 'keyed hash of the address';
COMMENT ON COLUMN registration.person_key IS 'keyed hash of address and name: colleagues with one mailbox differ in it';
COMMENT ON COLUMN registration.consent IS 'by field: wording, language and form version, and when it was given';
"""

PUBLIC = """
CREATE VIEW public_form AS
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, e.title AS event_title, e.time_zone, e.starts_at,
        e.status AS event_status, e.ends_at, f.closes_hours_before, f.attend, f.opens_at, f.closes_at, f.person_days,
        e.city, f.people_per_address, f.controller, f.contact, s.word AS seat_word
    FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id;
COMMENT ON VIEW public_form IS 'all that the public processes may read of a form: no number of seats, nobody';
"""

FUNCTIONS = """
CREATE FUNCTION receipt_of(wanted bytea)
RETURNS TABLE (form text, code text, state text, outcome jsonb, fingerprint bytea, received_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.form, s.code, s.state, s.outcome, s.fingerprint, s.received_at FROM public.submission s
    WHERE s.receipt_hash = wanted
$$;
CREATE FUNCTION intake_is_full(max_bytes bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT pg_total_relation_size('public.submission') > max_bytes
$$;
CREATE FUNCTION link_of(token bytea, at timestamptz)
RETURNS TABLE (email text, language text, expires_at timestamptz, muted boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.email, l.language, l.expires_at, m.muted_at IS NOT NULL
    FROM public.confirmation_link l LEFT JOIN public.mailbox m ON m.mailbox_ref = l.mailbox_ref
    WHERE l.token_hash = token AND l.expires_at > at
$$;
CREATE FUNCTION pending_for(token bytea, at timestamptz)
RETURNS TABLE (id uuid, form text, code text, received_at timestamptz, mailed_at timestamptz, content jsonb,
    has_sealed boolean, person_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.id, c.form, c.code, c.received_at, c.mailed_at, c.content, c.sealed IS NOT NULL, c.person_key
    FROM public.confirmation_link l JOIN public.candidate c ON c.address_ref = l.address_ref
    WHERE l.token_hash = token AND l.expires_at > at ORDER BY c.submission
$$;
CREATE FUNCTION registered_for(token bytea, at timestamptz)
RETURNS TABLE (id uuid, form text, status text, revision integer, name text, content jsonb, person_key bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, r.form, r.status, r.revision, r.name, jsonb_strip_nulls(jsonb_build_object('email', r.email,
        'language', r.language, 'name', r.name, 'organisation', o.name, 'working_group', r.working_group,
        'representative', r.representative, 'country', r.country, 'time_zone', r.time_zone, 'answers', r.answers)),
        r.person_key
    FROM public.confirmation_link l JOIN public.registration r ON r.person_ref = l.address_ref
    LEFT JOIN public.organisation o ON o.id = r.organisation_id
    WHERE l.token_hash = token AND l.expires_at > at AND r.status <> 'cancelled' AND r.erased_at IS NULL ORDER BY r.id
$$;
CREATE FUNCTION link_outcomes(token bytea)
RETURNS TABLE (kind text, form text, decided_at timestamptz, outcome jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.kind, s.form, s.decided_at, s.outcome FROM public.submission s
    WHERE s.token_hash = token ORDER BY s.id DESC LIMIT 50
$$;
CREATE FUNCTION own_registration(token bytea)
RETURNS TABLE (id uuid, form text, kind text, event_id text, status text, place integer, revision integer,
    person_ref bytea, working_group text, representative boolean, organisation_id uuid, country text, language text,
    partner text, accepted_at timestamptz, verified boolean, attend text, name text, email text, organisation text,
    time_zone text, answers jsonb, has_sealed boolean, changed_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, r.form, f.kind, r.event_id, r.status, CASE WHEN r.status = 'waitlisted' THEN (
            SELECT count(*) FROM public.registration o WHERE o.form = r.form AND o.status = 'waitlisted'
                AND (o.received_at, o.submission) <= (r.received_at, r.submission)) END, r.revision,
        r.person_ref, r.working_group, r.representative, r.organisation_id, r.country, r.language, r.partner,
        r.accepted_at, r.verified_at IS NOT NULL, f.attend, r.name, r.email, o.name, r.time_zone, r.answers,
        r.sealed IS NOT NULL,
        (SELECT max(c.changed_at) FROM public.registration_change c WHERE c.registration_id = r.id)
    FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    JOIN public.form f ON f.slug = r.form LEFT JOIN public.organisation o ON o.id = r.organisation_id
    WHERE m.token_hash = token AND r.erased_at IS NULL
$$;
CREATE FUNCTION own_history(token bytea) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'dates', jsonb_build_object('received_at', r.received_at, 'accepted_at', r.accepted_at,
            'verified_at', r.verified_at, 'confirmed_at', r.confirmed_at, 'cancelled_at', r.cancelled_at),
        'consent', r.consent,
        'readings', coalesce((SELECT jsonb_agg(s.read_at ORDER BY s.id) FROM public.sealed_reading s
            WHERE s.registration_id = r.id), '[]'),
        'history', (SELECT jsonb_agg(jsonb_build_object('at', c.changed_at, 'status', c.status, 'reason', c.reason)
            ORDER BY c.revision) FROM public.registration_change c WHERE c.registration_id = r.id),
        'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('type', x.type, 'stored_at', x.stored_at,
            'published_at', x.published_at) ORDER BY x.id) FROM public.outbox x WHERE x.subject = r.id::text), '[]'))
    FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    WHERE m.token_hash = token AND r.erased_at IS NULL
$$;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM PUBLIC;
"""


def upgrade() -> None:
    """Make it."""
    for part in (QUEUE, CANDIDATES, REGISTRATIONS, PUBLIC, FUNCTIONS):
        op.execute(part)


def downgrade() -> None:
    """There is no way back: what waits in the queue would be lost."""
    raise RuntimeError("cannot be taken back: restore the database from before instead")
