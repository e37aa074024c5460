"""Webhooks of partners, and what was delivered to them."""

from alembic import op

revision = "0007"
down_revision = "0006"

SCHEMA = """
CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    partner text NOT NULL CHECK (partner ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    url text NOT NULL CHECK (url ~ '^https://' AND length(url) <= 1000),
    secret bytea NOT NULL,
    secret_before bytea,
    before_until timestamptz,
    created_at timestamptz NOT NULL,
    created_by text NOT NULL CHECK (created_by <> ''),
    off_at timestamptz,
    off_reason text CHECK (off_reason IN ('gone', 'failing', 'by hand')),
    failing_since timestamptz,
    CONSTRAINT webhook_one_address UNIQUE (partner, url),
    CONSTRAINT webhook_off_with_reason CHECK ((off_at IS NULL) = (off_reason IS NULL)),
    CONSTRAINT webhook_before_has_end CHECK ((secret_before IS NULL) = (before_until IS NULL))
);
COMMENT ON COLUMN webhook.secret IS 'AES-256-GCM by a key that no other table has, bound to the id';
CREATE TABLE webhook_delivery (
    id uuid PRIMARY KEY,
    webhook_id uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    type text NOT NULL CHECK (type IN ('registration.confirmed', 'registration.cancelled')),
    registration_id uuid NOT NULL,
    revision integer NOT NULL CHECK (revision >= 1),
    form text NOT NULL,
    status text NOT NULL,
    occurred_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('queued', 'claimed', 'delivered', 'failed', 'called_off')),
    due_at timestamptz,
    lease_until timestamptz,
    fence integer NOT NULL DEFAULT 0 CHECK (fence >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts BETWEEN 0 AND fence),
    answer integer,
    reason text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT webhook_delivery_once UNIQUE (webhook_id, registration_id, revision),
    CONSTRAINT webhook_delivery_leased CHECK ((state = 'claimed') = (lease_until IS NOT NULL)),
    CONSTRAINT webhook_delivery_due CHECK ((state IN ('queued', 'claimed')) = (due_at IS NOT NULL)),
    CONSTRAINT webhook_delivery_ended CHECK ((state IN ('queued', 'claimed')) = (ended_at IS NULL))
);
COMMENT ON TABLE webhook_delivery IS 'what partners are told: no name and no address; ended ones are kept for a week';
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, due_at) WHERE state IN ('queued', 'claimed');
CREATE INDEX webhook_delivery_newest ON webhook_delivery (webhook_id, created_at, id);
CREATE INDEX webhook_delivery_ended ON webhook_delivery (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX webhook_delivery_registration ON webhook_delivery (registration_id);
ALTER TABLE webhook_delivery SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);
"""


def upgrade() -> None:
    """Nobody was told anything before."""
    op.execute(SCHEMA)


def downgrade() -> None:
    """Nobody is told any more."""
    op.execute("DROP TABLE webhook_delivery, webhook")
