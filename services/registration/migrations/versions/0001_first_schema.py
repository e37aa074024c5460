"""The schema of registration, feature by feature."""

from alembic import op

from shared.store.folding import folding_function, words_of

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
    title text NOT NULL,
    summary text NOT NULL,
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
    title text NOT NULL
);
"""

FORMS = """
CREATE TABLE partner (
    slug text PRIMARY KEY,
    name text NOT NULL,
    origins text[] NOT NULL,
    language text NOT NULL,
    theme jsonb NOT NULL
);
CREATE TABLE form (
    slug text PRIMARY KEY,
    kind text NOT NULL,
    event_id text,
    attend text,
    definition jsonb NOT NULL,
    verification text NOT NULL CHECK (verification IN ('none', 'email')),
    proof_of_work text NOT NULL DEFAULT 'off' CHECK (proof_of_work IN ('off', 'asked')),
    waiting_list boolean NOT NULL,
    partners text[] NOT NULL,
    hold_minutes integer NOT NULL DEFAULT 1440 CHECK (hold_minutes BETWEEN 1 AND 100000),
    promotion_notice_minutes integer NOT NULL CHECK (promotion_notice_minutes >= 0),
    open boolean NOT NULL,
    opens_at timestamptz,
    closes_at timestamptz,
    closes_hours_before integer NOT NULL DEFAULT 0 CHECK (closes_hours_before BETWEEN 0 AND 10000),
    keep_days integer CHECK (keep_days BETWEEN 1 AND 3650),
    person_days integer NOT NULL DEFAULT 90 CHECK (person_days BETWEEN 1 AND 3650),
    revision integer NOT NULL CHECK (revision >= 1),
    CONSTRAINT form_opens_before_it_closes CHECK (opens_at < closes_at),
    CONSTRAINT form_of_partners_keeps CHECK (keep_days IS NULL OR partners = '{}')
);
COMMENT ON COLUMN form.person_days IS 'days after the last day until a person is erased';
CREATE INDEX form_event ON form (event_id);

CREATE TABLE form_change (
    form text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 2),
    changed_at timestamptz NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    promoted integer NOT NULL CHECK (promoted >= 0),
    PRIMARY KEY (form, revision)
);
CREATE TRIGGER form_change_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON form_change
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();
"""

SEATS = """
CREATE TABLE seat (
    form text PRIMARY KEY REFERENCES form (slug),
    capacity integer CHECK (capacity >= 0),
    confirmed integer NOT NULL DEFAULT 0 CHECK (confirmed >= 0),
    waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0),
    last_position integer NOT NULL DEFAULT 0 CHECK (last_position >= 0)
) WITH (fillfactor = 50);

CREATE TABLE promotion (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    form text NOT NULL,
    decided_at timestamptz NOT NULL,
    cause text NOT NULL CHECK (cause <> ''),
    capacity integer,
    free integer CHECK (free >= 0),
    waiting integer NOT NULL CHECK (waiting > 0),
    promoted integer NOT NULL CHECK (promoted BETWEEN 0 AND waiting),
    through_position integer,
    withheld text NOT NULL CHECK (withheld IN ('', 'no-free-seat', 'too-late', 'not-taking-place', 'out-of-turn')),
    CHECK ((promoted > 0) = (through_position IS NOT NULL)),
    CHECK ((withheld = '') = (promoted = waiting))
);
CREATE INDEX promotion_by_form ON promotion (form, decided_at);
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
    status text NOT NULL CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')),
    position integer CHECK (position >= 1),
    revision integer NOT NULL CHECK (revision >= 1),
    person_ref bytea CHECK (length(person_ref) = 32),
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
    box bytea,
    token_hash bytea UNIQUE CHECK (length(token_hash) = 32),
    verify_hash bytea CHECK (length(verify_hash) = 32),
    consent_at timestamptz NOT NULL,
    accepted_at timestamptz NOT NULL,
    hold_until timestamptz,
    expires_at timestamptz,
    verified_at timestamptz,
    confirmed_at timestamptz,
    capacity_then integer,
    cancelled_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    attempted_at timestamptz,
    erased_at timestamptz,
    CHECK ((status = 'confirmed') <= (confirmed_at IS NOT NULL)),
    CHECK ((status = 'waitlisted') <= (position IS NOT NULL)),
    CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT registration_only_unverified_hold CHECK ((hold_until IS NOT NULL) <= (status = 'unverified')),
    CONSTRAINT registration_only_unverified_expire CHECK ((expires_at IS NOT NULL) = (status = 'unverified')),
    CONSTRAINT registration_unverified CHECK ((status IN ('unverified', 'expired')) <= (verified_at IS NULL)),
    CONSTRAINT registration_is_somebodys
        CHECK (erased_at IS NOT NULL OR num_nulls(person_ref, email, language, box, token_hash) = 0),
    CONSTRAINT registration_erased_is_nobodys
        CHECK (erased_at IS NULL OR (NOT representative AND answers = '{}' AND num_nonnulls(person_ref, name, email,
            organisation_id, working_group, country, time_zone, language, sealed, box, token_hash, verify_hash,
            hold_until) = 0))
);
COMMENT ON COLUMN registration.token_hash IS 'of the own link: SHA-256 of its purpose, a NUL and the token';
COMMENT ON COLUMN registration.verify_hash IS
    'of the link that confirms the address, alike; NULL where the form asks for no confirmation';
CREATE UNIQUE INDEX registration_live ON registration (person_ref, form) WHERE status NOT IN ('cancelled', 'expired');
CREATE UNIQUE INDEX registration_verify ON registration (verify_hash) WHERE verify_hash IS NOT NULL;
CREATE INDEX registration_waiting ON registration (form, position) WHERE status = 'waitlisted';
CREATE INDEX registration_holds ON registration (form, hold_until) WHERE status = 'unverified';
CREATE INDEX registration_expiry ON registration (expires_at) WHERE status = 'unverified';
CREATE INDEX registration_ended ON registration (form, accepted_at) WHERE status IN ('cancelled', 'expired');

CREATE TABLE registration_change (
    registration_id uuid NOT NULL,
    revision integer NOT NULL,
    status text NOT NULL,
    changed_at timestamptz NOT NULL,
    changed_by text CHECK (changed_by <> ''),
    capacity_then integer,
    reason text NOT NULL,
    PRIMARY KEY (registration_id, revision)
);
CREATE INDEX registration_change_by_people ON registration_change (changed_at) WHERE changed_by IS NOT NULL;
"""

SEARCH = f"""
CREATE INDEX registration_by_form ON registration (form, id);
CREATE INDEX registration_by_event ON registration (event_id, id);
CREATE INDEX registration_address ON registration (lower(email) text_pattern_ops);
CREATE INDEX registration_words ON registration USING gin ({words_of("name")});
CREATE INDEX registration_country ON registration (country, id) WHERE country IS NOT NULL;
CREATE INDEX registration_partner ON registration (partner, id) WHERE partner IS NOT NULL;
CREATE INDEX registration_group ON registration (working_group, id) WHERE working_group IS NOT NULL;
CREATE INDEX registration_organisation ON registration (organisation_id) WHERE organisation_id IS NOT NULL;
-- rows lie in order of their arrival: a few pages, and no cost for the intake
CREATE INDEX registration_day ON registration USING brin (accepted_at) WITH (pages_per_range = 16);
CREATE INDEX organisation_words ON organisation USING gin ({words_of("name")});
"""

INTAKE = """
CREATE TABLE idempotency (
    key_hash bytea PRIMARY KEY CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL,
    answer text NOT NULL,
    stored_at timestamptz NOT NULL
);
CREATE INDEX idempotency_age ON idempotency (stored_at);

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

PRIVACY = """
-- The log of sealed readings is a hash chain. Lengths precede the texts, so that no two rows have the same content.
CREATE FUNCTION reading_hash(id bigint, registration_id uuid, form text, reader text, reason text, read_at timestamptz)
RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN sha256(convert_to(
    concat_ws('|', id, registration_id, extract(epoch FROM read_at), length(form), form, length(reader), reader,
        reason), 'UTF8'));

CREATE TABLE sealed_reading (
    id bigint PRIMARY KEY,
    registration_id uuid NOT NULL,
    form text NOT NULL,
    reader text NOT NULL CHECK (reader <> ''),
    reason text NOT NULL CHECK (length(reason) BETWEEN 10 AND 500),
    read_at timestamptz NOT NULL,
    content_hash bytea NOT NULL
        GENERATED ALWAYS AS (reading_hash(id, registration_id, form, reader, reason, read_at)) STORED,
    chain_hash bytea NOT NULL
);

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

CREATE TRIGGER sealed_reading_chained BEFORE INSERT ON sealed_reading
    FOR EACH ROW EXECUTE FUNCTION chain_reading();
CREATE TRIGGER sealed_reading_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON sealed_reading
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_to_change();

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
COMMENT ON TABLE key_check IS 'truncated HMACs that tell the right keys from others; they give nothing of a key';
"""

CONSOLE = """
CREATE TABLE ended_session (
    session bytea PRIMARY KEY CHECK (length(session) = 32),
    ended_at timestamptz NOT NULL
);
COMMENT ON TABLE ended_session IS 'cookies of the console that are believed no more, by the hash of their session';
CREATE INDEX ended_session_age ON ended_session (ended_at);

CREATE TABLE refused_sign_in (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    household bytea NOT NULL CHECK (length(household) = 32),
    refused_at timestamptz NOT NULL
);
COMMENT ON COLUMN refused_sign_in.household IS 'keyed hash of an address, another one each day; kept for 15 minutes';
CREATE INDEX refused_sign_in_household ON refused_sign_in (household, refused_at);
"""

AUDIT_LOG = """
CREATE TABLE deed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    done_at timestamptz NOT NULL,
    done_by text NOT NULL CHECK (done_by <> ''),
    deed text NOT NULL CHECK (deed <> ''),
    kind text NOT NULL,
    subject text NOT NULL,
    detail jsonb NOT NULL
);
COMMENT ON TABLE deed IS 'what people with a key did that no other table tells; shown by the view trail';
CREATE INDEX deed_at ON deed (done_at);
CREATE FUNCTION deed_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'deeds are only ever added';
END $$;
CREATE TRIGGER deed_stays BEFORE UPDATE OR DELETE OR TRUNCATE ON deed
    FOR EACH STATEMENT EXECUTE FUNCTION deed_stays();

CREATE VIEW trail AS
    SELECT done_at AS at, done_by AS who, deed, kind, subject, detail, 'd' || id AS key FROM deed
    UNION ALL SELECT changed_at, changed_by, 'registration-' || status, 'registration', registration_id::text,
        jsonb_build_object('revision', revision), 'r' || registration_id || '.' || revision
        FROM registration_change WHERE changed_by IS NOT NULL
    UNION ALL SELECT changed_at, changed_by, 'form-changed', 'form', form,
        jsonb_build_object('before', before, 'after', after), 'f' || form || '.' || revision FROM form_change
    UNION ALL SELECT read_at, reader, 'sealed-answers-read', 'registration', registration_id::text,
        jsonb_build_object('form', form), 's' || id FROM sealed_reading;
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

CREATE TABLE halted_queue (
    queue text PRIMARY KEY,
    halted_at timestamptz NOT NULL,
    reason text NOT NULL,
    try_at timestamptz NOT NULL
);
COMMENT ON TABLE halted_queue IS 'too many messages in a row were poison; until a success or an operator resumes';
"""

SHADOWS = """
CREATE TABLE shadow_registration (LIKE registration INCLUDING ALL, FOREIGN KEY (form) REFERENCES form (slug))
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE TABLE shadow_change (LIKE registration_change INCLUDING ALL)
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
CREATE TABLE shadow_outbox (LIKE outbox INCLUDING ALL)
    WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""

STATEMENTS = (
    APPEND_ONLY,
    COPIES,
    FORMS,
    SEATS,
    REGISTRATIONS,
    folding_function(),
    SEARCH,
    INTAKE,
    PRIVACY,
    CONSOLE,
    AUDIT_LOG,
    MESSAGING,
    SHADOWS,
)


def upgrade() -> None:
    """Make everything."""
    for statements in STATEMENTS:
        op.execute(statements)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
