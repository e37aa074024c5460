"""The schema of events, feature by feature. A text that people write in several languages is an object of jsonb."""

from alembic import op

from shared.security.audit_log import AUDIT_TABLE
from shared.security.sessions import SIGN_IN_TABLES

revision = "0001"
down_revision = None

PROGRAMME = """
CREATE TABLE series (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title jsonb NOT NULL CHECK (title <> '{}'),
    summary jsonb NOT NULL,
    began_in integer,
    revision integer NOT NULL CHECK (revision >= 1)
);

CREATE TABLE event (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    kind text NOT NULL CHECK (kind IN ('webinar', 'side_event', 'review', 'council_session', 'press_conference',
        'consultation', 'training')),
    title jsonb NOT NULL CHECK (title <> '{}'),
    summary jsonb NOT NULL,
    series text REFERENCES series (id),
    series_number integer CHECK (series_number >= 1),
    starts_at timestamptz,
    ends_at timestamptz,
    time_zone text NOT NULL,
    status text NOT NULL CHECK (status IN ('draft', 'tentative', 'confirmed', 'postponed', 'cancelled', 'held')),
    mode text NOT NULL CHECK (mode IN ('online', 'in_person', 'hybrid')),
    city text,
    place text,
    join_url text CHECK (join_url LIKE 'https://%'),
    form text CHECK (form ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(form) <= 80),
    asked_groups text[] NOT NULL,
    internal boolean NOT NULL DEFAULT false,
    internal_note text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    changed_at timestamptz,
    last_starts_at timestamptz,
    last_ends_at timestamptz,
    CONSTRAINT event_number_has_series CHECK (series_number IS NULL OR series IS NOT NULL),
    CONSTRAINT event_date_is_whole CHECK ((starts_at IS NULL) = (ends_at IS NULL)),
    CONSTRAINT event_date_is_ordered CHECK (starts_at < ends_at),
    CONSTRAINT event_last_date_is_whole CHECK ((last_starts_at IS NULL) = (last_ends_at IS NULL)),
    CONSTRAINT event_last_date_is_ordered CHECK (last_starts_at < last_ends_at),
    CONSTRAINT event_has_date CHECK (starts_at IS NOT NULL OR status IN ('draft', 'postponed')),
    CONSTRAINT event_postponed_has_none CHECK (starts_at IS NULL OR status <> 'postponed'),
    CONSTRAINT event_has_city CHECK (city IS NOT NULL OR mode = 'online' OR status = 'draft'),
    CONSTRAINT event_asks_all_or_some CHECK ('*' <> ALL (asked_groups) OR cardinality(asked_groups) = 1)
);
-- internal: of the system itself (the canary's). It takes registrations, and is in no programme and in no number.
-- changed_at: when participants last saw it change; calendars ask for it.
CREATE INDEX event_by_start ON event (coalesce(starts_at, 'infinity'::timestamptz), id);
CREATE INDEX event_internal ON event (id) WHERE internal;

CREATE TABLE resource (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    kind text NOT NULL CHECK (kind IN ('recording', 'slides', 'brief')),
    title jsonb NOT NULL CHECK (title <> '{}'),
    url text NOT NULL CHECK (url LIKE 'https://%'),
    language text NOT NULL CHECK (language <> ''),
    event text REFERENCES event (id),
    series text REFERENCES series (id),
    city text CHECK (city <> ''),
    published boolean NOT NULL,
    announced boolean NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    CONSTRAINT resource_belongs_to_something CHECK (coalesce(event, series, city) IS NOT NULL),
    CONSTRAINT resource_published_is_announced CHECK (announced OR NOT published)
);
CREATE INDEX resource_by_event ON resource (event) WHERE event IS NOT NULL;
CREATE INDEX resource_by_series ON resource (series) WHERE series IS NOT NULL;

-- A note stays as it was written. Only an administrator can delete what should never have been written.
CREATE TABLE event_note (
    id uuid PRIMARY KEY,
    -- Order of writing: ids come from outside, and clocks may show the same time twice.
    number bigint GENERATED ALWAYS AS IDENTITY,
    event_id text NOT NULL REFERENCES event (id),
    words text NOT NULL CHECK (words <> '' AND length(words) <= 4000),
    written_by text NOT NULL CHECK (written_by <> ''),
    written_at timestamptz NOT NULL
);
CREATE INDEX event_note_by_event ON event_note (event_id, number);
CREATE FUNCTION event_note_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a note is never changed: write another one';
END $$;
CREATE TRIGGER event_note_stays BEFORE UPDATE ON event_note FOR EACH ROW EXECUTE FUNCTION event_note_stays();

-- Who did what to an event or its resources, without the values: those may be meeting links and notes.
CREATE TABLE event_change (
    id uuid PRIMARY KEY,
    number bigint GENERATED ALWAYS AS IDENTITY,
    event_id text NOT NULL REFERENCES event (id),
    revision integer NOT NULL CHECK (revision >= 1),
    action text NOT NULL CHECK (action <> ''),
    resource_id text,
    fields text[] NOT NULL,
    changed_by text NOT NULL CHECK (changed_by <> ''),
    changed_at timestamptz NOT NULL
);
CREATE INDEX event_change_by_event ON event_change (event_id, number);

CREATE TABLE form_copy (
    id text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision > 0),
    kind text NOT NULL,
    event text,
    title jsonb NOT NULL,
    open boolean NOT NULL,
    opens_at timestamptz,
    closes_at timestamptz,
    closes_hours_before integer NOT NULL CHECK (closes_hours_before >= 0)
);
COMMENT ON TABLE form_copy IS 'forms as last published by registration; loading a folder of forms publishes them again';
CREATE INDEX form_copy_event ON form_copy (event);

CREATE TABLE partner_copy (
    slug text PRIMARY KEY,
    revision integer NOT NULL CHECK (revision > 0),
    name text NOT NULL CHECK (name <> ''),
    waiting_origins integer NOT NULL CHECK (waiting_origins >= 0)
);
COMMENT ON TABLE partner_copy IS 'partners as last published by registration: names, and how many addresses of their '
    'sites wait for a decision; loading a folder of partners publishes them again';
"""

NETWORK = """
CREATE TABLE working_group (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title jsonb NOT NULL CHECK (title <> '{}'),
    summary jsonb NOT NULL,
    contact text NOT NULL,
    active boolean NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);

CREATE TABLE consultation (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    city text NOT NULL CHECK (city <> ''),
    host_kind text NOT NULL CHECK (host_kind IN ('embassy', 'permanent_mission')),
    hosts integer NOT NULL CHECK (hosts >= 1),
    presentations integer NOT NULL,
    within_days integer CHECK (within_days >= 1),
    host text CHECK (host <> ''),
    held_on date,
    working_group text REFERENCES working_group (id),
    presented_by text NOT NULL,
    outcome text NOT NULL,
    recorded_by text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    CONSTRAINT consultation_each_host_got_one CHECK (presentations >= hosts),
    CONSTRAINT consultation_named_host_is_one CHECK (host IS NULL OR hosts = 1)
);

-- Contacts with a group beside the bulletins. For coordinators; it contains nothing about single participants.
CREATE TABLE group_note (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    working_group text NOT NULL REFERENCES working_group (id),
    kind text NOT NULL CHECK (kind IN ('phone', 'meeting', 'mail')),
    held_on date NOT NULL,
    summary text NOT NULL,
    recorded_by text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE INDEX group_note_by_group ON group_note (working_group, held_on);

CREATE TABLE hotel_block (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    name text NOT NULL CHECK (name <> ''),
    city text NOT NULL CHECK (city <> ''),
    url text CHECK (url LIKE 'https://%'),
    booking_code text CHECK (booking_code <> ''),
    book_until date,
    rooms integer NOT NULL CHECK (rooms >= 1),
    note text NOT NULL,
    -- [{"kind", "rooms", "first_night", "last_night"}]
    allotments jsonb NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);

CREATE TABLE mail_contact (
    mail_id uuid PRIMARY KEY,
    registration_id uuid NOT NULL,
    kind text NOT NULL,
    sent_at timestamptz NOT NULL
);
CREATE INDEX mail_contact_by_registration ON mail_contact (registration_id, sent_at);
CREATE TABLE group_contact (
    working_group text PRIMARY KEY,
    last_mail_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN group_contact.last_mail_at IS 'of the last bulletin';
CREATE TABLE person_contact (
    person_ref bytea PRIMARY KEY CHECK (length(person_ref) = 32),
    last_mail_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON COLUMN person_contact.last_mail_at IS 'of the last bulletin';
"""

ATTENDANCE = """
-- The content of messages about registrations. No reference to event: a message may arrive before its event.
CREATE TABLE roster (
    registration_id uuid PRIMARY KEY,
    form text NOT NULL,
    form_kind text NOT NULL,
    event_id text,
    attend text,
    status text NOT NULL CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')),
    revision integer NOT NULL CHECK (revision >= 1),
    person_ref bytea CHECK (length(person_ref) = 32),
    working_group text,
    representative boolean NOT NULL,
    organisation_id text,
    country text CHECK (length(country) = 2),
    mode text CHECK (mode IN ('online', 'in_person')),
    language text NOT NULL,
    partner text,
    position integer CHECK (position >= 1),
    occurred_at timestamptz NOT NULL,
    erased_at timestamptz,
    CONSTRAINT roster_is_somebodys CHECK (erased_at IS NOT NULL OR person_ref IS NOT NULL),
    CONSTRAINT roster_erased_is_nobodys CHECK (erased_at IS NULL
        OR (language = 'und' AND num_nonnulls(person_ref, organisation_id, mode, attend, position) = 0))
);
-- attend: the event that everyone on this form should attend as well
COMMENT ON COLUMN roster.erased_at IS
    'the row only counts from then on: group, country and partner stay while it does, without the person';
CREATE INDEX roster_by_event ON roster (event_id, registration_id);
CREATE INDEX roster_by_status ON roster (event_id, status, registration_id);
CREATE INDEX roster_by_group ON roster (working_group) WHERE working_group IS NOT NULL;
CREATE INDEX roster_erased ON roster (erased_at) WHERE erased_at IS NOT NULL;
CREATE INDEX roster_by_person ON roster (person_ref) WHERE person_ref IS NOT NULL;
-- Who comes: interest, membership of a group and proposals are on forms too, and attend nothing.
CREATE INDEX roster_representative ON roster (event_id, working_group, status)
    WHERE representative AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL
    AND form_kind NOT IN ('interest', 'working_group', 'proposal');
CREATE INDEX roster_live_person ON roster (event_id, person_ref, form_kind)
    WHERE status IN ('confirmed', 'waitlisted') AND event_id IS NOT NULL;
CREATE INDEX roster_traveller ON roster (registration_id) INCLUDE (person_ref, attend)
    WHERE form_kind = 'delegation' AND status IN ('confirmed', 'waitlisted');
CREATE INDEX roster_member ON roster (working_group, person_ref)
    WHERE form_kind = 'working_group' AND status IN ('confirmed', 'waitlisted') AND working_group IS NOT NULL;

CREATE TABLE event_count (
    event_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('unverified', 'confirmed', 'waitlisted', 'cancelled', 'expired')),
    registrations integer NOT NULL CHECK (registrations >= 0),
    PRIMARY KEY (event_id, status)
) WITH (fillfactor = 50);

-- Live registrations by partner, country and day, so that the overview never reads the roster; internal ones apart.
CREATE TABLE tally (
    dimension text NOT NULL CHECK (dimension IN ('form_kind', 'partner', 'country', 'day')),
    name text NOT NULL,
    registrations integer NOT NULL,
    internal boolean NOT NULL DEFAULT false,
    PRIMARY KEY (internal, dimension, name)
) WITH (fillfactor = 50);
"""

PROPOSALS = """
CREATE TABLE proposal (
    -- that of its registration
    id uuid PRIMARY KEY,
    title text NOT NULL,
    summary text NOT NULL,
    working_group text,
    organisation text,
    language text NOT NULL,
    attendance integer NOT NULL CHECK (attendance >= 1),
    speakers text[] NOT NULL,
    speaker_names bytea,
    named_speakers text[] NOT NULL DEFAULT '{}',
    preferred_on date[] NOT NULL,
    unavailable_on date[] NOT NULL,
    status text NOT NULL CHECK
        (status IN ('submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn')),
    note text NOT NULL,
    event_id text REFERENCES event (id),
    revision integer NOT NULL CHECK (revision >= 1),
    -- the partner on whose page it was submitted; no reference, since it outlives the partner
    partner text CHECK (partner ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(partner) <= 80),
    person_ref bytea CHECK (length(person_ref) = 32),
    submitted_at timestamptz NOT NULL,
    answers jsonb NOT NULL,
    answers_revision integer NOT NULL CHECK (answers_revision >= 0),
    suggestion jsonb,
    suggested_revision integer,
    suggested_names bytea,
    erased_at timestamptz,
    CONSTRAINT proposal_says_something CHECK ((answers_revision = 0) = (title = '')),
    CONSTRAINT proposal_says_nothing_yet CHECK (answers_revision > 0 OR status = 'withdrawn' OR erased_at IS NOT NULL),
    CONSTRAINT proposal_scheduled_is_event CHECK (status <> 'scheduled' OR event_id IS NOT NULL),
    CONSTRAINT proposal_is_somebodys CHECK ((answers_revision = 0) = (person_ref IS NULL)),
    CONSTRAINT proposal_suggestion_is_whole CHECK ((suggestion IS NULL) = (suggested_revision IS NULL)),
    CONSTRAINT proposal_suggestion_is_newer CHECK (suggested_revision > answers_revision),
    CONSTRAINT proposal_suggestion_is_open CHECK (suggestion IS NULL OR status IN ('accepted', 'scheduled')),
    CONSTRAINT proposal_suggested_names CHECK (suggested_names IS NULL OR suggestion IS NOT NULL),
    CONSTRAINT proposal_erased_is_nobodys CHECK (erased_at IS NULL OR (answers_revision = 0 AND summary = ''
        AND note = '' AND language = 'und' AND speakers = '{}' AND named_speakers = '{}' AND preferred_on = '{}'
        AND unavailable_on = '{}' AND answers = '{}'
        AND num_nonnulls(organisation, working_group, partner, speaker_names, suggestion) = 0))
);
COMMENT ON COLUMN proposal.person_ref IS 'the proposer, as registration refers to them';
COMMENT ON COLUMN proposal.speaker_names IS 'names of the speakers: AES-GCM, the key is outside; NULL: none, or gone';
COMMENT ON COLUMN proposal.named_speakers IS 'references of the speakers who agree to be named publicly';
COMMENT ON COLUMN proposal.suggested_names IS 'the same, of the suggestion';
COMMENT ON COLUMN proposal.answers IS 'text of its registration in revision answers_revision; speakers as references';
COMMENT ON COLUMN proposal.answers_revision IS '0: nothing but the withdrawal is known, or it was erased';
COMMENT ON COLUMN proposal.suggestion IS 'the text of its registration in suggested_revision, not taken over';
COMMENT ON COLUMN proposal.erased_at IS 'what was proposed, and by whom, is gone from then on';
CREATE INDEX proposal_by_status ON proposal (status, id);
CREATE INDEX proposal_by_person ON proposal (person_ref);

CREATE TABLE proposal_change (
    proposal_id uuid NOT NULL REFERENCES proposal (id) ON DELETE CASCADE,
    revision integer NOT NULL,
    status text NOT NULL,
    action text NOT NULL CHECK (action <> ''),
    note text NOT NULL,
    -- [{"field", "before", "after"}]: what coordinators may read; speakers are counted
    changed jsonb NOT NULL DEFAULT '[]',
    -- empty: it came from the registration
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (proposal_id, revision)
);
"""

TIMETABLE = """
CREATE TABLE room (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title jsonb NOT NULL CHECK (title <> '{}'),
    city text NOT NULL CHECK (city <> ''),
    capacity integer NOT NULL CHECK (capacity >= 1),
    time_zone text NOT NULL,
    address text NOT NULL,
    equipment text NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1)
);
CREATE TABLE room_hours (
    room_id text NOT NULL REFERENCES room (id) ON DELETE CASCADE,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, starts_at),
    CONSTRAINT room_hours_are_ordered CHECK (starts_at < ends_at)
);
CREATE TABLE slot (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    CONSTRAINT slot_is_ordered CHECK (starts_at < ends_at),
    CONSTRAINT slots_do_not_overlap EXCLUDE USING gist (tstzrange(starts_at, ends_at) WITH &&)
        DEFERRABLE INITIALLY DEFERRED
);

-- The draft board: one row has its revision, so that no one overwrites what they have not seen.
CREATE TABLE board (
    only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
    revision bigint NOT NULL
);
INSERT INTO board (revision) VALUES (1);
CREATE TABLE placement (
    proposal_id uuid PRIMARY KEY REFERENCES proposal (id) ON DELETE CASCADE,
    room_id text NOT NULL REFERENCES room (id),
    slot_id text NOT NULL REFERENCES slot (id),
    pinned boolean NOT NULL
);

CREATE TABLE schedule_version (
    number integer PRIMARY KEY CHECK (number >= 1),
    published_at timestamptz NOT NULL,
    published_by text NOT NULL
);
CREATE TABLE version_placement (
    version integer NOT NULL REFERENCES schedule_version (number),
    proposal_id uuid NOT NULL,
    event_id text NOT NULL,
    title text NOT NULL,
    working_group text,
    room_id text NOT NULL,
    room_title jsonb NOT NULL,
    city text NOT NULL,
    slot_id text NOT NULL,
    starts_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    time_zone text NOT NULL,
    PRIMARY KEY (version, proposal_id)
);

CREATE TABLE solve_job (
    id uuid PRIMARY KEY,
    status text NOT NULL CHECK (status IN ('queued', 'running', 'done', 'failed')),
    requested_at timestamptz NOT NULL,
    requested_by text NOT NULL,
    seed integer NOT NULL,
    fence integer NOT NULL DEFAULT 0,
    lease_until timestamptz,
    finished_at timestamptz,
    reason text NOT NULL DEFAULT '',
    report jsonb,
    CONSTRAINT solve_job_runs_on_a_lease CHECK ((status = 'running') = (lease_until IS NOT NULL)),
    CONSTRAINT solve_job_done_has_report CHECK (status <> 'done' OR report IS NOT NULL)
);
CREATE INDEX solve_job_waiting ON solve_job (requested_at) WHERE status IN ('queued', 'running');
CREATE INDEX solve_job_newest ON solve_job (requested_at DESC);
"""

KEYS = """
CREATE TABLE key_check (
    name text NOT NULL CHECK (name <> ''),
    value text NOT NULL CHECK (value ~ '^[0-9a-f]{16}$'),
    added_at timestamptz NOT NULL,
    PRIMARY KEY (name, value)
);
COMMENT ON TABLE key_check IS 'truncated HMACs that distinguish keys; they reveal nothing about a key';
"""

CONSOLE = """
CREATE TABLE waiting_approval (
    id uuid PRIMARY KEY,
    form text NOT NULL,
    asked_by text NOT NULL,
    waiting boolean NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON TABLE waiting_approval IS 'a copy: requests about sealed answers that a second person has to approve';
CREATE INDEX waiting_approval_expires ON waiting_approval (expires_at);

COMMENT ON TABLE access_holder IS 'a copy of what registration publishes: who may do what';
"""

AUDIT_LOG = """
CREATE INDEX audit_record_subject ON audit_record (kind, subject, done_at);
CREATE VIEW own_audit_log AS
    SELECT done_at AS at, done_by AS who, action, kind, subject, detail, 'd' || id AS key FROM audit_record
    UNION ALL SELECT changed_at, changed_by, 'event-' || action, 'event', event_id,
        jsonb_build_object('fields', fields, 'resource', resource_id), 'e' || id FROM event_change
    UNION ALL SELECT written_at, written_by, 'note-written', 'event', event_id, '{}', 'n' || id FROM event_note
    UNION ALL SELECT changed_at, changed_by, 'proposal-' || action, 'proposal', proposal_id::text,
        jsonb_build_object('revision', revision), 'p' || proposal_id || '.' || revision
        FROM proposal_change WHERE changed_by <> ''
    UNION ALL SELECT published_at, published_by, 'timetable-published', 'timetable', number::text, '{}',
        'v' || number FROM schedule_version
    UNION ALL SELECT requested_at, requested_by, 'timetable-solved', 'job', id::text, '{}', 'j' || id FROM solve_job;
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

STATEMENTS = (
    PROGRAMME,
    NETWORK,
    ATTENDANCE,
    PROPOSALS,
    TIMETABLE,
    KEYS,
    SIGN_IN_TABLES,
    CONSOLE,
    AUDIT_TABLE,
    AUDIT_LOG,
    MESSAGING,
)


def upgrade() -> None:
    """Create all tables."""
    for statements in STATEMENTS:
        op.execute(statements)


def downgrade() -> None:
    """There is nothing before the first schema."""
    raise RuntimeError("the first schema cannot be taken back: drop the database instead")
