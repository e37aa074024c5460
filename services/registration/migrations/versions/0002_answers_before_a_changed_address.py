"""What an undo of a changed address restores: the answers of the former holder, kept as long as the undo link."""

from alembic import op

revision = "0002"
down_revision = "0001"

CONTENT = """
ALTER TABLE former_address ADD COLUMN content jsonb;
COMMENT ON COLUMN former_address.content IS
    'clear answers before the change, for the undo; NULL for an address that an undo has taken away';
"""

HISTORY = """
CREATE OR REPLACE FUNCTION own_history(token bytea) RETURNS jsonb
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
            WHERE f.registration_id = r.id{and_own}), '[]'),
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
"""
"""Replaced whole: a person whose address was restored does not read the one that the undo has taken away."""


def upgrade() -> None:
    """Keep the answers, and name no address of the other side."""
    op.execute(CONTENT)
    op.execute(HISTORY.replace("{and_own}", " AND f.content IS NOT NULL"))


def downgrade() -> None:
    """Name every former address again, and delete the answers: an undo leaves those of the other side."""
    op.execute(HISTORY.replace("{and_own}", ""))
    op.execute("ALTER TABLE former_address DROP COLUMN content")
