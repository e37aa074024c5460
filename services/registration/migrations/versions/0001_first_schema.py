"""The schema of registration, feature by feature."""

from alembic import op

from shared.db.cleanup import folding_function, words_of
from shared.security.audit_log import AUDIT_TABLE
from shared.security.sessions import SIGN_IN_TABLES

revision = "0001"
down_revision = None

APPEND_ONLY = """
CREATE FUNCTION refuse_to_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME;
END $$;
"""

COPIES = """
CREATE TABLE event_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    kind text NOT NULL,
    title jsonb NOT NULL,
    summary jsonb NOT NULL,
    starts_at timestamptz,
    ends_at timestamptz,
    time_zone text NOT NULL,
    status text NOT NULL,
    mode text NOT NULL,
    city text,
    place text,
    join_url text
);
CREATE TABLE working_group_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    title jsonb NOT NULL,
    active boolean NOT NULL DEFAULT true
);
COMMENT ON COLUMN working_group_copy.active IS 'false: it is closed, and forms do not offer it';
CREATE TABLE hotel_copy (
    id text PRIMARY KEY,
    name text NOT NULL,
    -- [{"kind", "rooms", "first_night", "last_night"}]
    allotments jsonb NOT NULL,
    withdrawn boolean NOT NULL,
    changed_at timestamptz NOT NULL
);
COMMENT ON TABLE hotel_copy IS 'rooms that hotels keep for the delegation, as last published by events';
CREATE TABLE resource_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision >= 1),
    event_id text,
    kind text NOT NULL CHECK (kind IN ('recording', 'slides', 'brief')),
    title jsonb NOT NULL,
    url text NOT NULL CHECK (url LIKE 'https://%'),
    language text NOT NULL,
    published boolean NOT NULL
);
CREATE INDEX resource_copy_event ON resource_copy (event_id) WHERE event_id IS NOT NULL;
COMMENT ON TABLE resource_copy IS 'recordings, slides and briefs, as last published by events';
COMMENT ON COLUMN resource_copy.published IS
    'false once it is hidden: no one sees it, and no older message brings it back';
"""

FORMS = """
CREATE TABLE partner (
    slug text PRIMARY KEY,
    name text NOT NULL,
    origins text[] NOT NULL,
    language text NOT NULL,
    theme jsonb NOT NULL,
    requested_origins text[] NOT NULL DEFAULT '{}',
    revision integer NOT NULL DEFAULT 1 CHECK (revision >= 1)
);
COMMENT ON COLUMN partner.requested_origins IS 'that the partner has asked for, and no coordinator has decided on';
CREATE TABLE form (
    slug text PRIMARY KEY,
    kind text NOT NULL,
    event_id text,
    attend text,
    definition jsonb NOT NULL,
    verification text NOT NULL CHECK (verification IN ('none', 'email')),
    waiting_list boolean NOT NULL,
    partners text[] NOT NULL,
    people_per_address integer NOT NULL DEFAULT 3 CHECK (people_per_address BETWEEN 1 AND 100),
    controller text,
    contact text,
    promotion_notice_minutes integer NOT NULL CHECK (promotion_notice_minutes >= 0),
    open boolean NOT NULL,
    opens_at timestamptz,
    closes_at timestamptz,
    changes_until timestamptz,
    closes_hours_before integer NOT NULL DEFAULT 0 CHECK (closes_hours_before BETWEEN 0 AND 10000),
    join_minutes_before integer NOT NULL DEFAULT 15 CHECK (join_minutes_before BETWEEN 0 AND 1440),
    keep_days integer CHECK (keep_days BETWEEN 1 AND 3650),
    alarm_minutes integer CHECK (alarm_minutes BETWEEN 0 AND 40320),
    person_days integer NOT NULL DEFAULT 90 CHECK (person_days BETWEEN 1 AND 3650),
    promotion_mode text NOT NULL DEFAULT 'in-order' CHECK (promotion_mode IN ('in-order', 'offers', 'by-hand')),
    offer_hours integer NOT NULL DEFAULT 48 CHECK (offer_hours BETWEEN 1 AND 720),
    domain_percent integer CHECK (domain_percent BETWEEN 1 AND 100),
    reservations jsonb NOT NULL DEFAULT '[]',
    revision integer NOT NULL CHECK (revision >= 1),
    CONSTRAINT form_opens_before_it_closes CHECK (opens_at < closes_at),
    CONSTRAINT form_of_partners_keeps CHECK (keep_days IS NULL OR partners = '{}')
);
COMMENT ON COLUMN form.person_days IS 'days after the last day until a person is erased';
COMMENT ON COLUMN form.offer_hours IS 'how long an automatic offer of a seat is valid';
COMMENT ON COLUMN form.domain_percent IS 'largest share of the seats that one mail domain may have; NULL: no cap';
COMMENT ON COLUMN form.reservations IS 'seats that are kept: reserved_for, value, seats, until; see forms/pools.py';
COMMENT ON COLUMN form.alarm_minutes IS 'how long before the start a calendar alerts; NULL: as the calendar does';
COMMENT ON COLUMN form.join_minutes_before IS 'minutes before the start from which people with a seat can join online';
COMMENT ON COLUMN form.controller IS 'who is responsible for the data; NULL: the organiser of the installation';
CREATE INDEX form_event ON form (event_id);

CREATE TABLE form_change (
    form text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    promoted integer NOT NULL CHECK (promoted >= 0),
    PRIMARY KEY (form, revision)
);
COMMENT ON COLUMN form_change.revision IS 'of the form afterwards; 1: its first publication';
CREATE TABLE form_draft (
    slug text PRIMARY KEY,
    content jsonb NOT NULL,
    based_on integer CHECK (based_on >= 1),
    revision integer NOT NULL CHECK (revision >= 1),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> '')
);
COMMENT ON TABLE form_draft IS 'forms that coordinators work on; no one else sees one before it is published';
COMMENT ON COLUMN form_draft.based_on IS 'revision of the form that it takes the place of; NULL for a new form';
CREATE TRIGGER form_change_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON form_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
"""

SEATS = """
CREATE TABLE seat (
    form text PRIMARY KEY REFERENCES form (slug),
    capacity integer CHECK (capacity >= 0),
    confirmed integer NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    last_position integer NOT NULL DEFAULT 0 CHECK (last_position >= 0),
    offered integer NOT NULL DEFAULT 0 CHECK (offered >= 0),
    passed integer NOT NULL DEFAULT 0 CHECK (passed >= 0),
    word text NOT NULL DEFAULT 'open' CHECK (word IN ('open', 'waiting-list', 'full')),
    options jsonb NOT NULL DEFAULT '{}',
    CONSTRAINT seat_offered_wait CHECK (offered + passed <= waiting)
) WITH (fillfactor = 50);
COMMENT ON COLUMN seat.offered IS 'seats held for people on the waiting list who have an offer';
COMMENT ON COLUMN seat.passed IS 'people on the waiting list who let an offer pass: a coordinator decides about them';
COMMENT ON COLUMN seat.options IS 'choices with a limit, by field=value: the limit, and how many registrations hold it';

CREATE TABLE promotion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    form text NOT NULL,
    decided_at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause <> ''),
    capacity integer,
    free integer CHECK (free >= 0),
    waiting integer NOT NULL CHECK (waiting > 0),
    promoted integer NOT NULL CHECK (promoted BETWEEN 0 AND waiting),
    withheld text NOT NULL CHECK (withheld IN ('', 'no-free-seat', 'too-late', 'not-taking-place', 'out-of-turn',
        'reserved', 'domain-share', 'by-hand')),
    CHECK ((withheld = '') = (promoted = waiting))
);
CREATE INDEX promotion_by_form ON promotion (form, decided_at);
CREATE TRIGGER promotion_kept BEFORE DELETE ON promotion FOR EACH ROW
    WHEN (OLD.decided_at > clock_timestamp() - interval '1000 days') EXECUTE FUNCTION refuse_to_change();
"""

REGISTRATIONS = """
CREATE TABLE organisation (
    id uuid PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE registration (
    id uuid PRIMARY KEY,
    form text NOT NULL REFERENCES form (slug),
    event_id text,
    status text NOT NULL CHECK (status IN ('confirmed', 'waitlisted', 'cancelled')),
    position integer CHECK (position >= 1),
    revision integer NOT NULL CHECK (revision >= 1),
    submission bigint,
    received_at timestamptz NOT NULL,
    person_ref bytea CHECK (length(person_ref) = 32),
    mailbox_ref bytea CHECK (length(mailbox_ref) = 32),
    domain_ref bytea,
    person_key bytea CHECK (length(person_key) = 32),
    name text,
    email text,
    organisation_id uuid,
    working_group text,
    representative boolean NOT NULL,
    country text,
    time_zone text,
    language text,
    partner text,
    answers jsonb NOT NULL,
    sealed bytea,
    sealed_for text[] NOT NULL DEFAULT '{}',
    sealed_at timestamptz,
    details_at timestamptz,
    details_reminders integer NOT NULL DEFAULT 0 CHECK (details_reminders >= 0),
    address_requests integer NOT NULL DEFAULT 0,
    address_requests_since timestamptz,
    details_reminded_at timestamptz,
    sealed_dates jsonb NOT NULL DEFAULT '{}',
    consent jsonb NOT NULL DEFAULT '{}',
    tags text[] NOT NULL DEFAULT '{}',
    tags_revision integer NOT NULL DEFAULT 0 CHECK (tags_revision >= 0),
    accepted_at timestamptz NOT NULL,
    verified_at timestamptz,
    confirmed_at timestamptz,
    capacity_then integer,
    offer_expires_at timestamptz,
    offer_passed boolean NOT NULL DEFAULT false,
    cancelled_at timestamptz,
    erased_at timestamptz,
    CHECK ((status = 'confirmed') <= (confirmed_at IS NOT NULL)),
    CHECK ((status = 'waitlisted') <= (position IS NOT NULL)),
    CONSTRAINT registration_offered_waits
        CHECK (offer_expires_at IS NULL OR (status = 'waitlisted' AND NOT offer_passed)),
    CONSTRAINT registration_passed_waits CHECK (NOT offer_passed OR status = 'waitlisted'),
    CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT registration_is_somebodys CHECK (erased_at IS NOT NULL
        OR num_nulls(person_ref, mailbox_ref, domain_ref, person_key, email, language) = 0),
    CONSTRAINT registration_erased_is_nobodys
        CHECK (erased_at IS NULL OR (NOT representative AND answers = '{}' AND consent = '{}' AND tags = '{}'
            AND num_nonnulls(
            person_ref, mailbox_ref, domain_ref, person_key, name, email, organisation_id, working_group, country,
            time_zone, language, sealed) = 0))
);
COMMENT ON COLUMN registration.person_ref IS 'keyed hash of the address';
COMMENT ON COLUMN registration.person_key IS 'keyed hash of address and name: colleagues with one mailbox differ in it';
COMMENT ON COLUMN registration.consent IS 'by field: wording, language and form version, and when it was given';
COMMENT ON COLUMN registration.tags IS 'words of coordinators, sorted; people outside do not see them';
COMMENT ON COLUMN registration.sealed_at IS 'when sealed answers were last given';
COMMENT ON COLUMN registration.details_at IS 'when what is asked after the confirmation was last given';
COMMENT ON COLUMN registration.sealed_dates IS 'by reference in sealed_for: when these sealed answers were given';
COMMENT ON COLUMN registration.offer_expires_at IS 'until when a seat is held for a person who waits; NULL: no offer';
COMMENT ON COLUMN registration.offer_passed IS 'an offer was declined or has expired; the person waits on';
COMMENT ON COLUMN registration.position IS 'counts those who ever waited on the form; it is never shown';
COMMENT ON COLUMN registration.received_at IS 'of the submission: those who wait are ordered by it';
CREATE UNIQUE INDEX registration_live ON registration (form, person_key) WHERE status <> 'cancelled';
CREATE INDEX registration_person ON registration (person_ref);
CREATE INDEX registration_mailbox ON registration (mailbox_ref);
CREATE INDEX registration_waiting ON registration (form, received_at, submission) WHERE status = 'waitlisted';
CREATE INDEX registration_offer ON registration (offer_expires_at) WHERE offer_expires_at IS NOT NULL;
CREATE INDEX registration_ended ON registration (form, accepted_at) WHERE status = 'cancelled';
CREATE INDEX registration_erased ON registration (erased_at) WHERE erased_at IS NOT NULL;

CREATE TABLE managing_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    registration_id uuid NOT NULL,
    minted_at timestamptz NOT NULL,
    asked boolean NOT NULL
);
CREATE INDEX managing_link_registration ON managing_link (registration_id, minted_at);
COMMENT ON TABLE managing_link IS 'tokens, by hash, that open one registration; the five newest of each live';

CREATE TABLE limited_link (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    registration_id uuid NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('view', 'join')),
    minted_at timestamptz NOT NULL
);
CREATE INDEX limited_link_registration ON limited_link (registration_id);
COMMENT ON TABLE limited_link IS
    'tokens, by hash, that change nothing: view shows event, time and status, join leads to the online meeting';

CREATE TABLE proposal_state (
    registration_id uuid PRIMARY KEY REFERENCES registration (id) ON DELETE CASCADE,
    revision integer NOT NULL CHECK (revision >= 1),
    answers_revision integer NOT NULL CHECK (answers_revision >= 1),
    status text NOT NULL CHECK (status IN ('submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn')),
    note text NOT NULL,
    event_id text,
    decided_at timestamptz NOT NULL
);
COMMENT ON TABLE proposal_state IS 'the newest decision on each proposal, published by events; it goes with the person';
COMMENT ON COLUMN proposal_state.answers_revision IS 'of the registration: the answers that the decision is about';

CREATE TABLE registration_change (
    registration_id uuid NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text CHECK (changed_by <> ''),
    capacity_then integer,
    reason text NOT NULL,
    fields text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (registration_id, revision)
);
COMMENT ON COLUMN registration_change.fields IS 'names of the answers that were changed, never the answers';
CREATE INDEX registration_change_by_people ON registration_change (changed_at) WHERE changed_by IS NOT NULL;

CREATE TABLE registration_note (
    id uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration (id) ON DELETE CASCADE,
    written_at timestamptz NOT NULL,
    written_by text NOT NULL CHECK (written_by <> ''),
    words text NOT NULL CHECK (length(words) BETWEEN 1 AND 2000)
);
CREATE INDEX registration_note_registration ON registration_note (registration_id, written_at);
COMMENT ON TABLE registration_note IS 'notes of coordinators on a person; in their export, and erased with them';

CREATE TABLE list_view (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    owner text NOT NULL CHECK (owner <> ''),
    shared boolean NOT NULL,
    query jsonb NOT NULL,
    saved_at timestamptz NOT NULL,
    UNIQUE (owner, name)
);
COMMENT ON TABLE list_view IS 'filters, order and columns of the list of registrations; never a word searched for';

CREATE TABLE mail_log (
    mail_id uuid NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('sent', 'bounced', 'suppressed')),
    registration_id uuid NOT NULL,
    kind text NOT NULL,
    occurred_at timestamptz NOT NULL,
    PRIMARY KEY (mail_id, outcome)
);
CREATE INDEX mail_log_registration ON mail_log (registration_id, occurred_at);
COMMENT ON TABLE mail_log IS 'what became of the mails about a registration, for its person; it goes with the person';
"""

SEARCH = f"""
CREATE INDEX registration_by_form ON registration (form, id);
CREATE INDEX registration_by_event ON registration (event_id, id);
CREATE INDEX registration_address ON registration (lower(email) text_pattern_ops);
CREATE INDEX registration_words ON registration USING gin ({words_of("name")});
CREATE INDEX registration_name ON registration (COALESCE(folded(name), ''), id) WHERE erased_at IS NULL;
CREATE INDEX registration_form_name ON registration (form, COALESCE(folded(name), ''), id) WHERE erased_at IS NULL;
CREATE INDEX registration_country ON registration (country, id) WHERE country IS NOT NULL;
CREATE INDEX registration_partner ON registration (partner, id) WHERE partner IS NOT NULL;
CREATE INDEX registration_group ON registration (working_group, id) WHERE working_group IS NOT NULL;
CREATE INDEX registration_tags ON registration USING gin (tags) WHERE tags <> '{{}}';
CREATE INDEX registration_organisation ON registration (organisation_id) WHERE organisation_id IS NOT NULL;
-- rows lie in order of their arrival: a few pages, and no cost for the intake
CREATE INDEX registration_day ON registration USING brin (accepted_at) WITH (pages_per_range = 16);
CREATE INDEX organisation_words ON organisation USING gin ({words_of("name")});
"""

COUNTS = """
CREATE TABLE registration_count (
    cube text NOT NULL CHECK (cube IN ('features', 'days', 'organisations')),
    form text,
    event_id text,
    status text NOT NULL,
    working_group text,
    partner text,
    country text,
    language text,
    representative boolean,
    day date,
    organisation_id uuid,
    registrations bigint NOT NULL,
    CONSTRAINT registration_count_once UNIQUE NULLS NOT DISTINCT
        (cube, form, event_id, status, working_group, partner, country, language, representative, day, organisation_id)
);
COMMENT ON TABLE registration_count IS
    'registrations counted; each cube distinguishes some columns, and has NULL in the others';
CREATE INDEX registration_count_empty ON registration_count (cube) WHERE registrations = 0;

CREATE TABLE registration_count_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    form text NOT NULL,
    event_id text,
    status text NOT NULL,
    working_group text,
    partner text,
    country text,
    language text,
    representative boolean NOT NULL,
    day date NOT NULL,
    organisation_id uuid,
    change smallint NOT NULL CHECK (change IN (-1, 1))
);
COMMENT ON TABLE registration_count_change IS 'what is not in registration_count yet; tend moves it there';

CREATE FUNCTION count_registration() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.erased_at IS NULL THEN
        INSERT INTO public.registration_count_change (form, event_id, status, working_group, partner, country, language,
            representative, day, organisation_id, change)
        VALUES (OLD.form, OLD.event_id, OLD.status, OLD.working_group, OLD.partner, OLD.country, OLD.language,
            OLD.representative, (OLD.accepted_at AT TIME ZONE 'UTC')::date, OLD.organisation_id, -1);
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.erased_at IS NULL THEN
        INSERT INTO public.registration_count_change (form, event_id, status, working_group, partner, country, language,
            representative, day, organisation_id, change)
        VALUES (NEW.form, NEW.event_id, NEW.status, NEW.working_group, NEW.partner, NEW.country, NEW.language,
            NEW.representative, (NEW.accepted_at AT TIME ZONE 'UTC')::date, NEW.organisation_id, 1);
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_registration() FROM PUBLIC;
CREATE TRIGGER registration_counted AFTER INSERT OR DELETE ON registration
    FOR EACH ROW EXECUTE FUNCTION count_registration();
CREATE TRIGGER registration_counted_again AFTER UPDATE ON registration FOR EACH ROW
    WHEN ((OLD.form, OLD.event_id, OLD.status, OLD.working_group, OLD.partner, OLD.country, OLD.language,
            OLD.representative, OLD.accepted_at, OLD.organisation_id, OLD.erased_at)
        IS DISTINCT FROM (NEW.form, NEW.event_id, NEW.status, NEW.working_group, NEW.partner, NEW.country, NEW.language,
            NEW.representative, NEW.accepted_at, NEW.organisation_id, NEW.erased_at))
    EXECUTE FUNCTION count_registration();
"""

INTAKE = """
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
        CHECK (kind IN ('submission', 'confirm', 'change', 'cancel', 'erase', 'send-link', 'send-list', 'renew-links',
            'verify', 'mute', 'unmute', 'change-address', 'undo-address', 'desk-correct', 'desk-enter', 'desk-merge',
            'accept-seat', 'decline-seat')),
    form text NOT NULL,
    form_revision integer NOT NULL,
    token_hash bytea CHECK (length(token_hash) = 32),
    entered_by text CHECK (entered_by <> ''),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    network bytea CHECK (length(network) = 32),
    challenge bytea CHECK (length(challenge) = 16),
    code text NOT NULL CHECK (code ~ '^[2-9A-HJKMNP-Z]{4}$'),
    body bytea CHECK (length(body) <= 131072),
    decider_key bytea NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    state text NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'decided', 'parked')),
    outcome jsonb,
    calendar_key text CHECK (calendar_key ~ '^[0-9a-f]{32}$'),
    decided_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    parked_reason text,
    CONSTRAINT submission_command_has_token
        CHECK (kind IN ('submission', 'send-list') OR entered_by IS NOT NULL OR token_hash IS NOT NULL),
    CONSTRAINT submission_of_desk_is_signed CHECK ((kind LIKE 'desk-%') = (entered_by IS NOT NULL)),
    CONSTRAINT submission_decided CHECK ((state = 'decided') = (decided_at IS NOT NULL)),
    CONSTRAINT submission_body_goes CHECK ((state = 'decided') <= (body IS NULL)),
    CONSTRAINT submission_parked CHECK ((state = 'parked') = (parked_reason IS NOT NULL))
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE INDEX submission_undecided ON submission (id) WHERE state = 'received';
CREATE INDEX submission_parked ON submission (id) WHERE state = 'parked';
CREATE INDEX submission_age ON submission (received_at);
CREATE INDEX submission_token ON submission (token_hash, id) WHERE token_hash IS NOT NULL;
COMMENT ON TABLE submission IS 'what was typed into a form, and commands by link, in order of id; later its receipt';
COMMENT ON COLUMN submission.entered_by IS
    'the coordinator whose command it is: only the desk may write it, so no one else can send a command of the desk';
CREATE INDEX submission_calendar ON submission (calendar_key) WHERE calendar_key IS NOT NULL;
COMMENT ON COLUMN submission.calendar_key IS
    'of the UID that the invitation has, if a seat was given without a mail: a hash of address and event';
COMMENT ON COLUMN submission.network IS 'keyed hash of the client network, another key each day; one day at most';
CREATE TABLE decider_attempt (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    numbers bigint[] NOT NULL,
    decider uuid NOT NULL,
    started_at timestamptz NOT NULL
);
COMMENT ON TABLE decider_attempt IS 'the batch that is being tried; left over if the decider died in it';

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
COMMENT ON COLUMN mail_count.domain_ref IS 'of a domain, or of a domain and the client network of a day';
CREATE TABLE waiting_address (
    address_ref bytea PRIMARY KEY CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL REFERENCES mailbox (mailbox_ref),
    email text NOT NULL,
    language text NOT NULL,
    since timestamptz NOT NULL,
    network bytea CHECK (length(network) = 32),
    proven boolean NOT NULL,
    plain boolean NOT NULL
);
CREATE INDEX waiting_address_mailbox ON waiting_address (mailbox_ref, since);
COMMENT ON TABLE waiting_address IS 'addresses to which a confirmation mail is due; deleted once it is in the outbox';
CREATE TABLE waiting_network (
    mailbox_ref bytea NOT NULL REFERENCES mailbox (mailbox_ref) ON DELETE CASCADE,
    network bytea NOT NULL CHECK (length(network) = 32),
    since timestamptz NOT NULL,
    PRIMARY KEY (mailbox_ref, network)
);
COMMENT ON TABLE waiting_network IS
    'client networks, by keyed hash, from which a mail to a mailbox was caused; deleted after a day';
CREATE TABLE waiting_link (
    registration_id uuid PRIMARY KEY,
    mailbox_ref bytea NOT NULL REFERENCES mailbox (mailbox_ref) ON DELETE CASCADE,
    since timestamptz NOT NULL
);
CREATE INDEX waiting_link_mailbox ON waiting_link (mailbox_ref);
COMMENT ON TABLE waiting_link IS
    'registrations whose managing link was asked for by a read-only link; deleted once the mail is in the outbox';
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

CREATE TABLE address_change (
    id uuid PRIMARY KEY,
    registration_id uuid NOT NULL UNIQUE REFERENCES registration (id) ON DELETE CASCADE,
    address_ref bytea NOT NULL CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL CHECK (length(mailbox_ref) = 32),
    domain_ref bytea NOT NULL,
    email text NOT NULL,
    code text NOT NULL,
    received_at timestamptz NOT NULL,
    mailed_at timestamptz
);
CREATE INDEX address_change_address ON address_change (address_ref);
CREATE INDEX address_change_mailbox ON address_change (mailbox_ref);
COMMENT ON TABLE address_change IS 'addresses that registrations are to use once their owners confirm it';
CREATE TABLE former_address (
    id uuid PRIMARY KEY,
    registration_id uuid NOT NULL REFERENCES registration (id) ON DELETE CASCADE,
    revision integer NOT NULL CHECK (revision >= 2),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    address_ref bytea NOT NULL CHECK (length(address_ref) = 32),
    mailbox_ref bytea NOT NULL CHECK (length(mailbox_ref) = 32),
    domain_ref bytea NOT NULL,
    email text NOT NULL,
    changed_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    UNIQUE (registration_id, revision)
);
CREATE INDEX former_address_address ON former_address (address_ref);
CREATE INDEX former_address_age ON former_address (expires_at);
COMMENT ON TABLE former_address IS 'addresses before a change, kept while their owners can take it back';

CREATE TABLE erased_address (
    address_ref bytea NOT NULL CHECK (length(address_ref) = 32),
    form text NOT NULL,
    before_number bigint NOT NULL,
    erased_at timestamptz NOT NULL,
    PRIMARY KEY (address_ref, form)
);
COMMENT ON COLUMN erased_address.form IS 'on which; empty: on all';
COMMENT ON TABLE erased_address IS 'submissions up to this number are dropped when they are due';

CREATE TABLE used_challenge (
    id bytea PRIMARY KEY,
    form text NOT NULL,
    used_at timestamptz NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
CREATE INDEX used_challenge_lately ON used_challenge (form, used_at);
CREATE INDEX used_challenge_age ON used_challenge (used_at);

CREATE TABLE blocked_address (
    id uuid PRIMARY KEY,
    person_ref bytea NOT NULL UNIQUE CHECK (length(person_ref) = 32),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    blocked_at timestamptz NOT NULL,
    blocked_by text NOT NULL CHECK (blocked_by <> '')
);
"""

IMPORTING = """
CREATE TABLE people_import (
    id uuid PRIMARY KEY,
    form text NOT NULL REFERENCES form (slug),
    state text NOT NULL CHECK (state IN ('uploaded', 'checked', 'running', 'done', 'cancelled', 'failed')),
    revision integer NOT NULL CHECK (revision >= 1),
    seen_form text NOT NULL,
    row_count integer NOT NULL CHECK (row_count >= 0),
    expected jsonb NOT NULL DEFAULT '{}',
    same_address integer NOT NULL DEFAULT 0 CHECK (same_address >= 0),
    counts jsonb NOT NULL DEFAULT '{}',
    choice jsonb NOT NULL DEFAULT '{}',
    mapping jsonb NOT NULL DEFAULT '{}',
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at timestamptz NOT NULL,
    created_by text NOT NULL CHECK (created_by <> ''),
    confirmed_at timestamptz,
    confirmed_by text CHECK (confirmed_by <> ''),
    finished_at timestamptz,
    failure text,
    CHECK ((state IN ('done', 'cancelled', 'failed')) = (finished_at IS NOT NULL))
);
CREATE INDEX people_import_by_form ON people_import (form, created_at);
CREATE INDEX people_import_running ON people_import (confirmed_at) WHERE state = 'running';
COMMENT ON TABLE people_import IS 'files of people: numbers, never what they hold';
CREATE TABLE import_file (
    import_id uuid PRIMARY KEY REFERENCES people_import (id) ON DELETE CASCADE,
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL
);
COMMENT ON TABLE import_file IS 'files as they came, encrypted; desk alone reads them: they hold sealed answers';
CREATE TABLE import_batch (
    import_id uuid NOT NULL REFERENCES people_import (id) ON DELETE CASCADE,
    number integer NOT NULL CHECK (number >= 0),
    done boolean NOT NULL DEFAULT false,
    fates jsonb NOT NULL,
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL,
    PRIMARY KEY (import_id, number)
);
COMMENT ON TABLE import_batch IS 'rows that were checked, encrypted; once they are done, what became of each line';
"""

PRIVACY = """
-- The log of sealed readings is a hash chain. Lengths precede the texts, so that no two rows have the same content.
CREATE FUNCTION reading_hash(id bigint, registration_id uuid, form text, reader text, reason text, read_at timestamptz,
    list_id uuid, purpose text, fields text[], filters jsonb, people uuid[], expires_at timestamptz, approved_by text)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(convert_to(
    concat_ws('|', id, registration_id, extract(epoch FROM read_at), length(form), form, length(reader), reader,
        length(reason), reason, list_id, purpose, fields, filters, people, extract(epoch FROM expires_at),
        approved_by), 'UTF8'));

CREATE TABLE form_key (
    form text PRIMARY KEY REFERENCES form (slug),
    public_key bytea CHECK (octet_length(public_key) = 32),
    fingerprint text GENERATED ALWAYS AS (encode(substring(sha256(public_key) FROM 1 FOR 16), 'hex')) STORED,
    created_at timestamptz NOT NULL,
    destroyed_at timestamptz,
    CONSTRAINT form_key_destroyed_has_none CHECK ((public_key IS NULL) = (destroyed_at IS NOT NULL))
);
COMMENT ON TABLE form_key IS 'public keys (X25519); the private ones are outside this database';

CREATE TABLE sealed_reading (
    id bigint PRIMARY KEY,
    registration_id uuid,
    form text NOT NULL,
    reader text NOT NULL CHECK (reader <> ''),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    read_at timestamptz NOT NULL,
    list_id uuid UNIQUE,
    purpose text,
    fields text[],
    filters jsonb,
    people uuid[],
    expires_at timestamptz,
    approved_by text,
    content_hash bytea NOT NULL GENERATED ALWAYS AS (reading_hash(id, registration_id, form, reader, reason, read_at,
        list_id, purpose, fields, filters, people, expires_at, approved_by)) STORED,
    chain_hash bytea NOT NULL,
    CONSTRAINT sealed_reading_one_or_list CHECK (num_nonnulls(list_id, purpose, fields, filters, people, expires_at)
        = CASE WHEN registration_id IS NULL THEN 6 ELSE 0 END),
    CONSTRAINT sealed_reading_two_people CHECK (approved_by <> reader)
);
COMMENT ON COLUMN sealed_reading.people IS 'of a list: the registrations on it, in order of their ids';
CREATE INDEX sealed_reading_registration ON sealed_reading (registration_id);
CREATE INDEX sealed_reading_people ON sealed_reading USING gin (people);

CREATE FUNCTION chain_reading() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE last record;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('sealed_reading'));
    SELECT id, chain_hash INTO last FROM sealed_reading ORDER BY id DESC LIMIT 1;
    NEW.id := coalesce(last.id, 0) + 1;  -- no sequence: numbers are in the chain's order, and none is missing
    NEW.chain_hash := sha256(coalesce(last.chain_hash, ''::bytea)
        || reading_hash(NEW.id, NEW.registration_id, NEW.form, NEW.reader, NEW.reason, NEW.read_at, NEW.list_id,
            NEW.purpose, NEW.fields, NEW.filters, NEW.people, NEW.expires_at, NEW.approved_by));
    RETURN NEW;
END $$;

CREATE TRIGGER sealed_reading_chained BEFORE INSERT ON sealed_reading
    FOR EACH ROW EXECUTE FUNCTION chain_reading();
CREATE TRIGGER sealed_reading_stays BEFORE UPDATE OR TRUNCATE ON sealed_reading
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
CREATE TRIGGER sealed_reading_kept BEFORE DELETE ON sealed_reading FOR EACH ROW
    WHEN (OLD.read_at > clock_timestamp() - interval '1000 days') EXECUTE FUNCTION refuse_to_change();

CREATE TABLE sealed_approval (
    id uuid PRIMARY KEY,
    act text NOT NULL CHECK (act IN ('read-all', 'destroy-key')),
    form text NOT NULL,
    asked_by text NOT NULL CHECK (asked_by <> ''),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    filters jsonb NOT NULL,
    people uuid[] NOT NULL,
    asked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    decision text CHECK (decision IN ('approved', 'declined', 'withdrawn')),
    decided_by text,
    decided_at timestamptz,
    CONSTRAINT sealed_approval_decided CHECK (num_nonnulls(decision, decided_by, decided_at) IN (0, 3)),
    CONSTRAINT sealed_approval_two_people CHECK ((decided_by = asked_by) = (decision = 'withdrawn'))
);
COMMENT ON TABLE sealed_approval IS 'what one person asks to do with sealed answers and another one has to approve';
CREATE INDEX sealed_approval_age ON sealed_approval (expires_at);

CREATE TABLE retention_notice (
    step text NOT NULL CHECK (step <> ''),
    subject uuid NOT NULL,
    form text NOT NULL,
    announced_at timestamptz NOT NULL,
    confirmed_at timestamptz,
    PRIMARY KEY (step, subject)
);
COMMENT ON TABLE retention_notice IS 'what retention will take; confirmed: an operator let it go without a notice';
CREATE INDEX retention_notice_form ON retention_notice (form, step);

CREATE TABLE key_check (
    name text NOT NULL CHECK (name <> ''),
    value text NOT NULL CHECK (value ~ '^[0-9a-f]{16}$'),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (name, value)
);
COMMENT ON TABLE key_check IS 'truncated HMACs that distinguish keys; they reveal nothing about a key';
"""

CONSOLE = """
CREATE TABLE refused_sign_in (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    network bytea NOT NULL CHECK (length(network) = 32),
    refused_at timestamptz NOT NULL
);
COMMENT ON COLUMN refused_sign_in.network IS 'keyed hash of an address, another one each day; kept for 15 minutes';
CREATE INDEX refused_sign_in_network ON refused_sign_in (network, refused_at);

CREATE TABLE console_session (
    session bytea PRIMARY KEY CHECK (length(session) = 32),
    holder_ref text NOT NULL,
    holder_id uuid,
    name text NOT NULL,
    method text NOT NULL CHECK (method IN ('key', 'passkey')),
    browser text NOT NULL,
    since timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL
);
COMMENT ON TABLE console_session IS 'who is signed in to the console; no address of a client';
CREATE INDEX console_session_since ON console_session (since);

COMMENT ON TABLE access_holder IS 'who may do what, beside the access file; the other services keep a copy';
CREATE UNIQUE INDEX access_holder_name ON access_holder (lower(name)) WHERE NOT revoked;

CREATE TABLE invitation (
    id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    holder_id uuid NOT NULL REFERENCES access_holder ON DELETE CASCADE,
    purpose text NOT NULL CHECK (purpose IN ('invited', 'recovery')),
    invited_by text NOT NULL CHECK (invited_by <> ''),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    withdrawn_at timestamptz
);
CREATE INDEX invitation_holder ON invitation (holder_id);
CREATE INDEX invitation_age ON invitation (expires_at);

CREATE TABLE passkey (
    credential_id bytea PRIMARY KEY CHECK (length(credential_id) BETWEEN 16 AND 1023),
    holder_id uuid NOT NULL REFERENCES access_holder ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL CHECK (sign_count >= 0),
    created_at timestamptz NOT NULL,
    last_used_at timestamptz
);
CREATE INDEX passkey_holder ON passkey (holder_id);

CREATE TABLE used_passkey_challenge (
    challenge bytea PRIMARY KEY CHECK (length(challenge) = 32),
    used_at timestamptz NOT NULL
);
"""

AUDIT_LOG = """
CREATE VIEW own_audit_log AS
    SELECT done_at AS at, done_by AS who, action, kind, subject, detail, 'd' || id AS key FROM audit_record
    UNION ALL SELECT changed_at, changed_by,
        'registration-' || CASE WHEN fields <> '{}' THEN 'changed' WHEN revision = 1 THEN 'entered' ELSE status END,
        'registration', registration_id::text, jsonb_build_object('revision', revision)
            || CASE WHEN fields <> '{}' THEN jsonb_build_object('fields', fields) ELSE '{}' END,
        'r' || registration_id || '.' || revision
        FROM registration_change WHERE changed_by IS NOT NULL
    UNION ALL SELECT changed_at, changed_by, 'form-changed', 'form', form,
        jsonb_build_object('before', before, 'after', after), 'f' || form || '.' || revision
        FROM form_change WHERE revision > 1
    UNION ALL SELECT read_at, reader,
        CASE WHEN list_id IS NULL THEN 'sealed-answers-read' ELSE 'sealed-list-opened' END,
        CASE WHEN list_id IS NULL THEN 'registration' ELSE 'sealed-list' END, coalesce(registration_id, list_id)::text,
        jsonb_strip_nulls(jsonb_build_object('form', form, 'purpose', purpose, 'people', cardinality(people),
            'approved_by', approved_by)), 's' || id FROM sealed_reading;

CREATE TABLE audit_entry (
    entry_id uuid PRIMARY KEY,
    service text NOT NULL CHECK (service IN ('events', 'notifications')),
    at timestamptz NOT NULL,
    who text NOT NULL CHECK (who <> ''),
    act text NOT NULL CHECK (act <> ''),
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
COMMENT ON TABLE audit_entry IS 'what people with a key did in the other services, as they publish it';
CREATE INDEX audit_entry_at ON audit_entry (at);
CREATE TRIGGER audit_entry_stays BEFORE UPDATE OR TRUNCATE ON audit_entry
    FOR EACH STATEMENT EXECUTE FUNCTION audit_record_stays();
CREATE TRIGGER audit_entry_kept BEFORE DELETE ON audit_entry FOR EACH ROW
    WHEN (OLD.at > clock_timestamp() - interval '1000 days') EXECUTE FUNCTION audit_record_stays();

CREATE VIEW audit_log AS
    SELECT 'registration' AS service, at, who, action AS act, kind, subject, detail, key FROM own_audit_log
    UNION ALL SELECT service, at, who, act, kind, subject, detail, 'a' || entry_id FROM audit_entry;
"""

MESSAGING = """
CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id uuid NOT NULL UNIQUE,
    type text NOT NULL,
    subject text NOT NULL,
    body bytea NOT NULL,
    stored_at timestamptz NOT NULL,
    published_at timestamptz,
    refusals integer NOT NULL DEFAULT 0,
    refused_reason text,
    try_at timestamptz,
    again_at timestamptz,
    blanked_at timestamptz
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
COMMENT ON COLUMN outbox.again_at IS 'when an operator had it published again; its waiting time counts from then';
COMMENT ON COLUMN outbox.blanked_at IS 'when the content of the message was erased; it is not published from then on';
CREATE INDEX outbox_unpublished ON outbox (id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;
CREATE INDEX outbox_subject ON outbox (subject);

CREATE TABLE inbox (
    consumer text NOT NULL,
    message_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, message_id)
);

CREATE TABLE lost_registration (
    id uuid PRIMARY KEY,
    form text NOT NULL,
    status text NOT NULL,
    found_at timestamptz NOT NULL
);
COMMENT ON TABLE lost_registration IS
    'registrations that a restored database no longer has and other services did; they were erased there';

CREATE TABLE quarantine (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    reason text NOT NULL CHECK (reason <> ''),
    backup_at timestamptz,
    settling boolean NOT NULL DEFAULT false,
    plan text
);
COMMENT ON TABLE quarantine IS
    'while it has a row nothing is accepted, decided, published, consumed or sent; a restore inserts it';
COMMENT ON COLUMN quarantine.plan IS 'digest of the plan of recovery that is being applied, or was';
COMMENT ON COLUMN quarantine.settling IS
    'relays and consumers continue, so that the databases catch up with each other; nothing else does';
COMMENT ON COLUMN quarantine.backup_at IS 'of the backup that was restored';

CREATE TABLE halted_queue (
    queue text PRIMARY KEY,
    halted_at timestamptz NOT NULL,
    reason text NOT NULL,
    try_at timestamptz NOT NULL
);
COMMENT ON TABLE halted_queue IS 'too many messages in a row were poison; until a success or an operator resumes';
"""

PUBLIC = """
CREATE VIEW public_form AS
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, e.title AS event_title, e.time_zone, e.starts_at,
        e.status AS event_status, e.ends_at, f.closes_hours_before, f.attend, f.opens_at, f.closes_at, f.person_days,
        e.city, f.people_per_address, f.controller, f.contact, f.changes_until, f.alarm_minutes, f.join_minutes_before,
        s.word AS seat_word,
        ARRAY(SELECT key FROM jsonb_each(s.options) WHERE (value->>'taken')::int >= (value->>'limit')::int)
            AS full_options
    FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id;
COMMENT ON VIEW public_form IS 'all that the public processes may read of a form: no number of seats, no person';
CREATE VIEW public_event AS
    SELECT id, revision, title, summary, starts_at, ends_at, time_zone, status, mode, city, place, kind
    FROM event_copy;
COMMENT ON VIEW public_event IS 'what calendars show of an event: not where it is joined';
"""

FUNCTIONS = """
CREATE FUNCTION option_counts(wanted text) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT coalesce(jsonb_object_agg(key, jsonb_build_object('limit', places, 'taken', (
        SELECT count(*) FROM public.registration r WHERE r.form = wanted AND r.status <> 'cancelled'
            AND r.erased_at IS NULL AND jsonb_exists(r.answers->limited.name, limited.value)))), '{}')
    FROM (SELECT field->>'name' AS name, option->>'value' AS value, (option->>'limit')::int AS places,
            concat(field->>'name', '=', option->>'value') AS key
        FROM public.form f, jsonb_array_elements(f.definition->'fields') AS field,
            jsonb_array_elements(field->'options') AS option
        WHERE f.slug = wanted AND jsonb_exists(option, 'limit')) AS limited
$$;
CREATE FUNCTION pool_counts(wanted text, reservations jsonb, domain_percent integer) RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'pools', (SELECT coalesce(jsonb_agg((
            SELECT jsonb_build_array(
                count(*) FILTER (WHERE r.status = 'confirmed' OR r.offer_expires_at IS NOT NULL),
                count(*) FILTER (WHERE r.status = 'waitlisted' AND r.offer_expires_at IS NULL AND NOT r.offer_passed))
            FROM public.registration r WHERE r.form = wanted AND r.status <> 'cancelled' AND r.erased_at IS NULL
                AND CASE one.pool->>'reserved_for' WHEN 'working_group' THEN r.working_group = one.pool->>'value'
                    WHEN 'partner' THEN r.partner = one.pool->>'value' ELSE r.representative END
            ) ORDER BY one.number), '[]')
            FROM jsonb_array_elements(reservations) WITH ORDINALITY AS one (pool, number)),
        'domains', CASE WHEN domain_percent IS NOT NULL THEN (SELECT jsonb_object_agg(domain, taken) FROM (
            SELECT encode(r.domain_ref, 'hex') AS domain, count(*) AS taken FROM public.registration r
            WHERE r.form = wanted AND (r.status = 'confirmed' OR r.offer_expires_at IS NOT NULL)
                AND r.erased_at IS NULL AND r.domain_ref <> '' GROUP BY 1) AS by_domain) END)
    WHERE reservations <> '[]' OR domain_percent IS NOT NULL
$$;
COMMENT ON FUNCTION pool_counts IS 'of each reservation: who has a seat, who is in line; and seats by mail domain';
CREATE FUNCTION receipt_of(wanted bytea)
RETURNS TABLE (form text, code text, state text, outcome jsonb, fingerprint bytea, received_at timestamptz,
    calendar_key text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT s.form, s.code, s.state, s.outcome, s.fingerprint, s.received_at, s.calendar_key FROM public.submission s
    WHERE s.receipt_hash = wanted
$$;
CREATE FUNCTION undecided_bytes(worth_counting bigint) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CASE WHEN pg_total_relation_size('public.submission') <= worth_counting THEN 0 ELSE (
        SELECT (coalesce(sum(1000 + pg_column_size(s.body)), 0)
            * greatest(pg_relation_size('public.submission') / 4194304.0, 1))::bigint
        FROM public.submission s
            TABLESAMPLE SYSTEM (least(100, 100 * 4194304.0 / greatest(pg_relation_size('public.submission'), 1)))
            REPEATABLE (0)
        WHERE s.state <> 'decided') END
$$;
COMMENT ON FUNCTION undecided_bytes IS
    'what undecided and parked rows use, from about 4 MiB of the table: their bodies, and 1,000 bytes of each for the'
    ' rest, indexes and free space; 0 if the whole table, with its receipts, uses no more than is worth counting';
CREATE FUNCTION link_of(token bytea, at timestamptz)
RETURNS TABLE (email text, language text, muted boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT l.email, l.language, m.muted_at IS NOT NULL
    FROM public.confirmation_link l LEFT JOIN public.mailbox m ON m.mailbox_ref = l.mailbox_ref
    WHERE l.token_hash = token AND l.expires_at > at
$$;
CREATE FUNCTION pending_for(token bytea, at timestamptz)
RETURNS TABLE (id uuid, form text, code text, received_at timestamptz, has_sealed boolean, person_key bytea,
    content jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.id, c.form, c.code, c.received_at, c.sealed IS NOT NULL, c.person_key, c.content
    FROM public.confirmation_link l JOIN public.candidate c ON c.address_ref = l.address_ref
    WHERE l.token_hash = token AND l.expires_at > at ORDER BY c.submission
$$;
CREATE FUNCTION address_changes_for(token bytea, at timestamptz)
RETURNS TABLE (id uuid, form text, code text, received_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.id, r.form, c.code, c.received_at
    FROM public.confirmation_link l JOIN public.address_change c ON c.address_ref = l.address_ref
    JOIN public.registration r ON r.id = c.registration_id
    WHERE l.token_hash = token AND l.expires_at > at AND r.status <> 'cancelled' AND r.erased_at IS NULL
        AND NOT EXISTS (SELECT FROM public.blocked_address b WHERE b.person_ref = c.address_ref)
    ORDER BY c.received_at, c.id
$$;
CREATE FUNCTION own_address(token bytea)
RETURNS TABLE (email text, code text, received_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT c.email, c.code, c.received_at
    FROM public.managing_link m JOIN public.address_change c ON c.registration_id = m.registration_id
    WHERE m.token_hash = token
$$;
CREATE FUNCTION former_address_of(token bytea, at timestamptz)
RETURNS TABLE (form text, language text, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.form, r.language, f.expires_at
    FROM public.former_address f JOIN public.registration r ON r.id = f.registration_id
    WHERE f.token_hash = token AND f.expires_at > at AND r.erased_at IS NULL
$$;
CREATE FUNCTION registered_for(token bytea, at timestamptz)
RETURNS TABLE (id uuid, form text, status text, person_key bytea, name text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, r.form, r.status, r.person_key,
        coalesce(CASE WHEN f.kind = 'proposal' THEN r.answers ->> 'title' ELSE r.name END, '')
    FROM public.confirmation_link l JOIN public.registration r ON r.person_ref = l.address_ref
    JOIN public.form f ON f.slug = r.form
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
    time_zone text, answers jsonb, has_sealed boolean, details_at timestamptz, changed_at timestamptz, muted boolean,
    sealed_at timestamptz, decision jsonb, offer_expires_at timestamptz, offer_passed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.id, r.form, f.kind, r.event_id, r.status, CASE WHEN r.status = 'waitlisted' THEN (
            SELECT count(*) FROM public.registration o WHERE o.form = r.form AND o.status = 'waitlisted'
                AND (o.received_at, o.submission) <= (r.received_at, r.submission)) END, r.revision,
        r.person_ref, r.working_group, r.representative, r.organisation_id, r.country, r.language, r.partner,
        r.accepted_at, r.verified_at IS NOT NULL, f.attend, r.name, r.email, o.name, r.time_zone, r.answers,
        r.sealed IS NOT NULL, r.details_at,
        (SELECT max(c.changed_at) FROM public.registration_change c WHERE c.registration_id = r.id),
        EXISTS (SELECT FROM public.mailbox b WHERE b.mailbox_ref = r.mailbox_ref AND b.muted_at IS NOT NULL),
        r.sealed_at,
        (SELECT to_jsonb(p) FROM public.proposal_state p WHERE p.registration_id = r.id), r.offer_expires_at,
        r.offer_passed
    FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    JOIN public.form f ON f.slug = r.form LEFT JOIN public.organisation o ON o.id = r.organisation_id
    WHERE m.token_hash = token AND r.erased_at IS NULL
$$;
CREATE FUNCTION own_changes(token bytea, kinds text[]) RETURNS integer
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT CAST(sum(o.revision) AS integer)
    FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    LEFT JOIN public.proposal_state p ON p.registration_id = r.id
    JOIN public.registration o ON o.person_ref = r.person_ref JOIN public.form f ON f.slug = o.form
    LEFT JOIN public.proposal_state q ON q.registration_id = o.id
    WHERE m.token_hash = token AND f.kind = ANY(kinds)
        AND coalesce(o.event_id, q.event_id) = coalesce(r.event_id, p.event_id)
$$;
CREATE FUNCTION own_history(token bytea) RETURNS jsonb
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT jsonb_build_object(
        'dates', jsonb_build_object('received_at', r.received_at, 'accepted_at', r.accepted_at,
            'verified_at', r.verified_at, 'confirmed_at', r.confirmed_at, 'cancelled_at', r.cancelled_at),
        'consent', r.consent,
        'sealed', coalesce((SELECT jsonb_object_agg(name, r.sealed_dates -> (envelope ->> 'submission'))
            FROM jsonb_array_elements(convert_from(r.sealed, 'UTF8')::jsonb) envelope,
                jsonb_object_keys(envelope -> 'fields') name), '{}'),
        'decision', (SELECT jsonb_build_object('status', p.status, 'note', p.note, 'event', p.event_id,
            'decided_at', p.decided_at) FROM public.proposal_state p WHERE p.registration_id = r.id),
        'readings', coalesce((SELECT jsonb_agg(s.read_at ORDER BY s.id) FROM public.sealed_reading s
            WHERE s.registration_id = r.id OR s.people @> ARRAY[r.id]), '[]'),
        'history', (SELECT jsonb_agg(jsonb_build_object('at', c.changed_at, 'status', c.status, 'reason', c.reason,
            'fields', to_jsonb(c.fields))
            ORDER BY c.revision) FROM public.registration_change c WHERE c.registration_id = r.id),
        'new_address', (SELECT jsonb_build_object('address', a.email, 'asked_at', a.received_at)
            FROM public.address_change a WHERE a.registration_id = r.id),
        'former_addresses', coalesce((SELECT jsonb_agg(jsonb_build_object('address', f.email,
            'kept_until', f.expires_at) ORDER BY f.revision) FROM public.former_address f
            WHERE f.registration_id = r.id), '[]'),
        'tags', to_jsonb(r.tags),
        'notes', coalesce((SELECT jsonb_agg(jsonb_build_object('at', n.written_at, 'words', n.words)
            ORDER BY n.written_at, n.id) FROM public.registration_note n WHERE n.registration_id = r.id), '[]'),
        'mails', coalesce((SELECT jsonb_agg(jsonb_build_object('kind', l.kind, 'outcome', l.outcome,
            'at', l.occurred_at) ORDER BY l.occurred_at, l.outcome DESC)
            FROM public.mail_log l WHERE l.registration_id = r.id), '[]'),
        'messages', coalesce((SELECT jsonb_agg(jsonb_build_object('type', x.type, 'stored_at', x.stored_at,
            'published_at', x.published_at) ORDER BY x.id) FROM public.outbox x WHERE x.subject = r.id::text), '[]'))
    FROM public.managing_link m JOIN public.registration r ON r.id = m.registration_id
    WHERE m.token_hash = token AND r.erased_at IS NULL
$$;
CREATE FUNCTION with_date(consent jsonb, at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(key, jsonb_build_object('given_at', at) || value), '{}') FROM jsonb_each(consent)
$$;
COMMENT ON FUNCTION with_date IS 'consents with the time at which they were given, unless they had it before';
CREATE FUNCTION given_at(names jsonb, before jsonb, at timestamptz) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_object_agg(name, coalesce(before -> name, to_jsonb(at))), '{}')
    FROM jsonb_array_elements_text(names) name
$$;
COMMENT ON FUNCTION given_at IS 'when each of some things was given: at, unless it is in before';
CREATE FUNCTION viewed_registration(token bytea)
RETURNS TABLE (form text, status text, language text, changed_at timestamptz, kind text, revision integer,
    decision jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.form, r.status, r.language,
        (SELECT max(c.changed_at) FROM public.registration_change c WHERE c.registration_id = r.id), f.kind, r.revision,
        (SELECT jsonb_build_object('status', p.status, 'answers_revision', p.answers_revision, 'note', '',
            'event_id', p.event_id) FROM public.proposal_state p WHERE p.registration_id = r.id)
    FROM public.limited_link l JOIN public.registration r ON r.id = l.registration_id
    JOIN public.form f ON f.slug = r.form
    WHERE l.token_hash = token AND l.purpose = 'view' AND r.erased_at IS NULL
$$;
CREATE FUNCTION meeting_of(token bytea)
RETURNS TABLE (form text, kind text, status text, language text, verified boolean, changed_at timestamptz,
    event_status text, mode text, join_url text, starts_at timestamptz, ends_at timestamptz, minutes_before integer)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT r.form, f.kind, r.status, r.language, r.verified_at IS NOT NULL,
        (SELECT max(c.changed_at) FROM public.registration_change c WHERE c.registration_id = r.id),
        e.status, e.mode, e.join_url, e.starts_at, e.ends_at, f.join_minutes_before
    FROM (SELECT m.registration_id FROM public.managing_link m WHERE m.token_hash = token
        UNION ALL SELECT l.registration_id FROM public.limited_link l
        WHERE l.token_hash = token AND l.purpose = 'join') link
    JOIN public.registration r ON r.id = link.registration_id
    JOIN public.form f ON f.slug = r.form LEFT JOIN public.event_copy e ON e.id = f.event_id
    WHERE r.erased_at IS NULL
$$;
REVOKE ALL ON FUNCTION
    receipt_of(bytea),
    undecided_bytes(bigint),
    link_of(bytea, timestamptz),
    pending_for(bytea, timestamptz),
    address_changes_for(bytea, timestamptz),
    own_address(bytea),
    former_address_of(bytea, timestamptz),
    registered_for(bytea, timestamptz),
    link_outcomes(bytea),
    own_registration(bytea),
    own_changes(bytea, text[]),
    own_history(bytea),
    viewed_registration(bytea),
    meeting_of(bytea)
    FROM PUBLIC;
"""

STATEMENTS = (
    APPEND_ONLY,
    COPIES,
    FORMS,
    SEATS,
    REGISTRATIONS,
    folding_function(),
    SEARCH,
    COUNTS,
    INTAKE,
    IMPORTING,
    PRIVACY,
    SIGN_IN_TABLES,
    CONSOLE,
    AUDIT_TABLE,
    AUDIT_LOG,
    MESSAGING,
    PUBLIC,
    FUNCTIONS,
)


def upgrade() -> None:
    """Make everything."""
    for statements in STATEMENTS:
        op.execute(statements)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
