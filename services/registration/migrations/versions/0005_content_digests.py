"""Digests of contents, what became of each submission, and how many registrations each form has made: for the audit."""

# ruff: noqa: S608 - statements are put together from names of our own tables and columns

from alembic import op

from shared.db.content_digests import (
    COUNT_COMMENT,
    DIFFERENCE_COMMENT,
    KEY_AND_FUNCTION,
    TAKE_BACK,
    DigestedTable,
    changed,
    view,
)

revision = "0005"
down_revision = "0004"

_REGISTRATION = DigestedTable(
    "registration",
    "id",
    (
        "id", "form", "event_id", "status", "position", "revision", "submission", "received_at", "person_ref",
        "mailbox_ref", "domain_ref", "person_key", "name", "email", "organisation_id", "working_group",
        "representative", "country", "time_zone", "language", "partner", "answers", "sealed_for", "sealed_at",
        "consent", "accepted_at", "confirmed_at", "capacity_then", "offer_expires_at", "offer_passed", "cancelled_at",
        "erased_at",
    ),
    frozenset({"person_ref", "mailbox_ref", "domain_ref", "person_key"}),
)  # fmt: skip
"""Its digest stands beside each revision, in ``registration_change``."""

_TAGS = DigestedTable(
    "registration",
    "id",
    ("id", "tags", "tags_revision", "erased_at"),
    written="OLD.tags_revision <> NEW.tags_revision OR (OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL)",
    digest="tags_digest",
)
_TABLES = (
    _TAGS,
    DigestedTable("organisation", "id", ("id", "name")),
    DigestedTable(
        "candidate",
        "id",
        ("id", "submission", "form", "address_ref", "mailbox_ref", "domain_ref", "person_key", "code", "received_at",
         "content"),
        frozenset({"address_ref", "mailbox_ref", "domain_ref", "person_key"}),
    ),
    DigestedTable(
        "managing_link",
        "registration_id",
        ("token_hash", "registration_id", "minted_at", "asked"),
        frozenset({"token_hash"}),
    ),
    DigestedTable(
        "limited_link",
        "registration_id",
        ("token_hash", "registration_id", "purpose", "minted_at"),
        frozenset({"token_hash"}),
    ),
    DigestedTable(
        "former_address",
        "id",
        ("id", "registration_id", "revision", "token_hash", "address_ref", "mailbox_ref", "domain_ref", "email",
         "changed_at", "expires_at"),
        frozenset({"token_hash", "address_ref", "mailbox_ref", "domain_ref"}),
    ),
    DigestedTable(
        "proposal_state",
        "registration_id",
        ("registration_id", "revision", "answers_revision", "status", "note", "event_id", "decided_at"),
        written=changed("revision"),
    ),
    DigestedTable(
        "event_copy",
        "id",
        ("id", "revision", "kind", "title", "summary", "starts_at", "ends_at", "time_zone", "status", "mode", "city",
         "place", "join_url"),
        written=changed("revision"),
    ),
)  # fmt: skip

_OF_REGISTRATIONS = f"""
ALTER TABLE registration_change ADD COLUMN digest bytea;
COMMENT ON COLUMN registration_change.digest IS
    'of the registration as this revision left it; NULL: an earlier one of the same transaction, of a person who was '
    'erased since, or from before there were digests';
CREATE FUNCTION digest_registration(wanted uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.registration_change c SET digest = public.content_digest(k.key, {_REGISTRATION.content("r")})
    FROM public.registration r, public.content_key k
    WHERE r.id = wanted AND c.registration_id = wanted AND c.revision = r.revision;
    UPDATE public.registration_change c SET digest = NULL
    FROM public.registration r WHERE r.id = wanted AND r.erased_at IS NOT NULL
        AND c.registration_id = wanted AND c.revision < r.revision AND c.digest IS NOT NULL;
END $$;
COMMENT ON FUNCTION digest_registration IS
    'store the digest of what a registration contains now; of an erased person that of the tombstone alone';
REVOKE ALL ON FUNCTION digest_registration(uuid) FROM PUBLIC;
CREATE FUNCTION digest_revision() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM public.digest_registration(NEW.registration_id);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION digest_revision() FROM PUBLIC;
-- At the end of the transaction: several statements may make one revision.
CREATE CONSTRAINT TRIGGER registration_digested AFTER INSERT ON registration_change
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION digest_revision();
"""
_DIFFERING_REGISTRATIONS = f"""SELECT 'registration' AS kind, r.id::text AS subject
    FROM registration r JOIN registration_change c ON c.registration_id = r.id AND c.revision = r.revision,
        content_key k
    WHERE c.digest <> content_digest(k.key, {_REGISTRATION.content("r")})"""
_COUNTED_REGISTRATIONS = """SELECT 'registration' AS kind, count(c.digest) AS digested,
    count(*) - count(c.digest) AS undigested
    FROM registration r JOIN registration_change c ON c.registration_id = r.id AND c.revision = r.revision"""

_MADE = """
ALTER TABLE seat ADD COLUMN made bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN seat.made IS
    'how many registrations there should be: those that were made, less those that retention has deleted';
ALTER TABLE submission ADD COLUMN became uuid;
COMMENT ON COLUMN submission.became IS
    'the candidate or the registration that it became; NULL: neither, or the candidate has ended since';
CREATE FUNCTION count_made() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.seat s SET made = s.made + n.registrations
    FROM (SELECT form, count(*) AS registrations FROM made GROUP BY form) n WHERE s.form = n.form;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_made() FROM PUBLIC;
CREATE TRIGGER registration_made AFTER INSERT ON registration REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION count_made();
-- Retention deletes tombstones, and no other process deletes a registration.
CREATE FUNCTION count_forgotten() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.seat s SET made = s.made - n.registrations
    FROM (SELECT form, count(*) AS registrations FROM forgotten WHERE erased_at IS NOT NULL GROUP BY form) n
    WHERE s.form = n.form;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION count_forgotten() FROM PUBLIC;
CREATE TRIGGER registration_forgotten AFTER DELETE ON registration REFERENCING OLD TABLE AS forgotten
    FOR EACH STATEMENT EXECUTE FUNCTION count_forgotten();
UPDATE seat s SET made = (SELECT count(*) FROM registration r WHERE r.form = s.form);
"""

_CUBES = {
    "features": ("form", "event_id", "status", "working_group", "partner", "country", "language", "representative"),
    "days": ("form", "event_id", "status", "partner", "day"),
    "organisations": ("status", "organisation_id"),
}
_COUNT_DIFFERENCE = (
    "CREATE VIEW count_difference AS\n"
    + "\nUNION ALL ".join(
        f"""SELECT '{cube}' AS counts, coalesce(status, '?') AS status, kept, counted FROM (
    SELECT status, sum(registrations)::bigint AS kept, sum(found)::bigint AS counted FROM (
        SELECT {", ".join(columns)}, registrations, 0 AS found FROM registration_count WHERE cube = '{cube}'
        UNION ALL SELECT {", ".join(columns)}, change, 0 FROM registration_count_change
        UNION ALL SELECT {", ".join(columns)}, 0, 1 FROM (
            SELECT *, (accepted_at AT TIME ZONE 'UTC')::date AS day FROM registration WHERE erased_at IS NULL) r) each
    GROUP BY {", ".join(columns)} HAVING sum(registrations) <> sum(found)) AS {cube}"""
        for cube, columns in _CUBES.items()
    )
    + """
UNION ALL SELECT 'options', s.form, 0, 0 FROM seat s WHERE s.options IS DISTINCT FROM (
    SELECT coalesce(jsonb_object_agg(concat(name, '=', value), jsonb_build_object('limit', places, 'taken', (
        SELECT count(*) FROM registration r WHERE r.form = s.form AND r.status <> 'cancelled' AND r.erased_at IS NULL
            AND jsonb_exists(r.answers -> name, value)))), '{}')
    FROM (SELECT field ->> 'name' AS name, option ->> 'value' AS value, (option ->> 'limit')::int AS places
        FROM form f, jsonb_array_elements(f.definition -> 'fields') AS field,
            jsonb_array_elements(field -> 'options') AS option
        WHERE f.slug = s.form AND jsonb_exists(option, 'limit')) AS limited);
COMMENT ON VIEW count_difference IS
    'kept counts, over every column they are kept by, that are not those of the registrations; it names no column';
"""
)


def upgrade() -> None:
    """Add columns, triggers and views; nothing that exists changes."""
    op.execute(KEY_AND_FUNCTION)
    op.execute(_MADE)
    for table in _TABLES:
        op.execute(table.column() + table.triggers())
    op.execute(_OF_REGISTRATIONS)
    op.execute(
        view("content_difference", [_DIFFERING_REGISTRATIONS, *(t.differing() for t in _TABLES)], DIFFERENCE_COMMENT)
    )
    op.execute(view("content_count", [_COUNTED_REGISTRATIONS, *(t.counted() for t in _TABLES)], COUNT_COMMENT))
    op.execute(_COUNT_DIFFERENCE)


def downgrade() -> None:
    """Take them back; digests and counts are made again by the next upgrade."""
    op.execute("DROP VIEW count_difference; DROP VIEW content_count; DROP VIEW content_difference;")
    op.execute("""
        DROP TRIGGER registration_digested ON registration_change;
        DROP FUNCTION digest_revision(); DROP FUNCTION digest_registration(uuid);
        ALTER TABLE registration_change DROP COLUMN digest;
        DROP TRIGGER registration_made ON registration; DROP TRIGGER registration_forgotten ON registration;
        DROP FUNCTION count_made(); DROP FUNCTION count_forgotten();
        ALTER TABLE seat DROP COLUMN made; ALTER TABLE submission DROP COLUMN became;
    """)
    for table in reversed(_TABLES):
        op.execute(table.take_back())
    op.execute(TAKE_BACK)
