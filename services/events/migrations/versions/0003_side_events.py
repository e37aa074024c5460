"""Side events: rooms, slots, proposals, the draft board, frozen versions, and the queue of the scheduling worker."""

from alembic import op

revision = "0003"
down_revision = "0002"

SCHEMA = """
CREATE TABLE room (
    id text PRIMARY KEY CHECK (id ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(id) <= 80),
    title text NOT NULL CHECK (title <> ''),
    city text NOT NULL CHECK (city <> ''),
    capacity integer NOT NULL CHECK (capacity >= 1),
    time_zone text NOT NULL
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
CREATE TABLE proposal (
    id uuid PRIMARY KEY,
    title text NOT NULL CHECK (title <> ''),
    summary text NOT NULL,
    working_group text,
    organisation text,
    language text NOT NULL,
    attendance integer NOT NULL CHECK (attendance >= 1),
    speakers text[] NOT NULL,
    preferred_on date[] NOT NULL,
    unavailable_on date[] NOT NULL,
    status text NOT NULL CHECK (status IN ('submitted', 'accepted', 'scheduled', 'returned', 'declined', 'withdrawn')),
    note text NOT NULL,
    event_id text REFERENCES event (id),
    revision integer NOT NULL CHECK (revision >= 1),
    person_ref bytea NOT NULL CHECK (length(person_ref) = 32),
    submitted_at timestamptz NOT NULL,
    -- name, address and link token of whoever proposed it, and the speakers' names: AES-GCM, the key is outside
    contact bytea NOT NULL,
    -- SHA-256 of that token
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    key_hash bytea UNIQUE CHECK (length(key_hash) = 32),
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    CONSTRAINT proposal_scheduled_is_event CHECK (status <> 'scheduled' OR event_id IS NOT NULL)
);
CREATE INDEX proposal_by_status ON proposal (status, id);
CREATE TABLE proposal_change (
    proposal_id uuid NOT NULL REFERENCES proposal (id) ON DELETE CASCADE,
    revision integer NOT NULL,
    status text NOT NULL,
    note text NOT NULL,
    changed_by text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (proposal_id, revision)
);
-- The draft board: one row says which revision it has, so that nobody overwrites what they have not seen.
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
    room_title text NOT NULL,
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


def upgrade() -> None:
    """Make the tables."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Take them away, with all that is in them."""
    op.execute("""
        DROP TABLE solve_job, version_placement, schedule_version, placement, board, proposal_change, proposal, slot,
            room_hours, room
    """)
