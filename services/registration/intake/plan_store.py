"""Writes the decider's plan and the outcomes for receipts, inside the transaction of a batch."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from services.registration.intake.desk_items import DeskAct
from services.registration.intake.facts import (
    UNKNOWN_NETWORK,
    BatchPlan,
    ChangedRegistration,
    Facts,
    MailWanted,
    MovedRegistration,
    NewRegistration,
)
from services.registration.intake.mailboxes import want_mails
from services.registration.intake.model import without_cause
from services.registration.intake.owner_items import UNDO_FOR
from services.registration.people.messages import tagged_message
from services.registration.people.model import AddressRefs
from services.registration.people.store import as_parameter, columns_of, end_links
from shared.messaging import outbox

CHANGED, RESTORED = "address changed", "address change undone"
"""Reasons in the history: no address."""

MERGED_AWAY = "merged into another registration of the same person"

_ADD_CANDIDATES = text("""
    INSERT INTO candidate (id, submission, form, address_ref, mailbox_ref, domain_ref, person_key, code, fingerprint,
        network, proven, received_at, content, sealed)
    SELECT id, number, form, decode(ref, 'hex'), decode(mailbox, 'hex'), decode(domain, 'hex'),
        decode(person, 'hex'), code, decode(fingerprint, 'hex'), decode(network, 'hex'), proven, received_at, content,
        decode(sealed, 'hex')
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, number bigint, form text, ref text,
        mailbox text, domain text, person text, code text, fingerprint text, network text, proven boolean,
        received_at timestamptz, content jsonb, sealed text)
""")
_DELETE_CANDIDATES = text("""
    WITH gone AS (DELETE FROM candidate WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING submission)
    UPDATE submission s SET became = NULL FROM gone WHERE s.id = gone.submission AND s.id <> ALL(:registered)
""")
"""The submission of a candidate that is registered now names it still: the registration has its number."""
_REGISTER = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, form text, event_id text, status text,
            position int, capacity int, number bigint, received_at timestamptz, ref text, mailbox text,
            domain text, person text, name text, email text, organisation_id uuid, organisation text,
            working_group text, representative boolean, country text, time_zone text, language text, partner text,
            answers jsonb, sealed text, sealed_for jsonb, consent jsonb, verified boolean, by_desk text, reason text,
            lapses_at timestamptz)
    ), organisations AS (
        INSERT INTO organisation (id, name) SELECT DISTINCT ON (organisation_id) organisation_id, organisation FROM new
        WHERE organisation_id IS NOT NULL ORDER BY organisation_id ON CONFLICT DO NOTHING
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, capacity_then, reason,
            changed_by)
        SELECT id, 1, status, :now, capacity, coalesce(reason, 'registered'), by_desk FROM new
    )
    INSERT INTO registration (id, form, event_id, status, position, revision, submission, received_at, person_ref,
        mailbox_ref, domain_ref, person_key, name, email, organisation_id, working_group, representative, country,
        time_zone, language, partner, answers, sealed, sealed_for, sealed_dates, consent, accepted_at, confirmed_at,
        capacity_then, verified_at, sealed_at, lapses_at)
    SELECT id, form, event_id, status, position, 1, number, received_at, decode(ref, 'hex'),
        decode(mailbox, 'hex'), decode(domain, 'hex'), decode(person, 'hex'), name, email, organisation_id,
        working_group, representative, country, time_zone, language, partner, answers, decode(sealed, 'hex'),
        ARRAY(SELECT jsonb_array_elements_text(sealed_for)),
        given_at(sealed_for, '{}', received_at), with_date(consent, :now),
        :now, CASE WHEN status = 'confirmed' THEN CAST(:now AS timestamptz) END, capacity,
        CASE WHEN verified THEN CAST(:now AS timestamptz) END,
        CASE WHEN sealed IS NOT NULL THEN CAST(:now AS timestamptz) END, lapses_at
    FROM new
""")
_CHANGE = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision int, status text, person text,
            name text, email text, organisation_id uuid, organisation text, working_group text,
            representative boolean, country text, time_zone text, language text, answers jsonb, sealed text,
            sealed_for jsonb, consent jsonb, fields jsonb, sealed_given boolean, details_given boolean,
            offered boolean, restores_to timestamptz, by_desk text, reason text)
    ), organisations AS (
        INSERT INTO organisation (id, name) SELECT DISTINCT ON (organisation_id) organisation_id, organisation FROM new
        WHERE organisation_id IS NOT NULL ORDER BY organisation_id ON CONFLICT DO NOTHING
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, reason, fields, changed_by)
        SELECT id, revision, CASE WHEN offered THEN 'offered' ELSE status END, :now,
            coalesce(reason, 'changed by its owner'), ARRAY(SELECT jsonb_array_elements_text(fields)), by_desk
        FROM new
    )
    UPDATE registration r SET revision = greatest(r.revision, new.revision),
        person_key = decode(new.person, 'hex'), name = new.name, email = new.email,
        organisation_id = new.organisation_id, working_group = new.working_group,
        representative = new.representative, country = new.country, time_zone = new.time_zone,
        language = new.language, answers = new.answers, sealed = decode(new.sealed, 'hex'),
        sealed_for = ARRAY(SELECT jsonb_array_elements_text(new.sealed_for)),
        sealed_at = CASE WHEN new.sealed_given THEN :now WHEN new.restores_to IS NULL THEN r.sealed_at ELSE (
            SELECT max(CAST(given.at AS timestamptz))
            FROM jsonb_each_text(given_at(new.sealed_for, r.sealed_dates, :now)) AS given (submission, at)) END,
        details_at = CASE WHEN new.details_given THEN :now WHEN r.details_at < new.restores_to THEN r.details_at
            WHEN new.restores_to IS NULL THEN r.details_at END,
        sealed_dates = given_at(new.sealed_for, r.sealed_dates, :now), consent = with_date(new.consent, :now),
        verified_at = CASE WHEN new.by_desk IS NULL THEN coalesce(r.verified_at, :now) ELSE r.verified_at END
    FROM new WHERE r.id = new.id
""")
_CANCEL = text("""
    WITH gone AS (
        UPDATE registration SET status = 'cancelled', revision = revision + 1, cancelled_at = :now,
            offer_expires_at = NULL, offer_passed = false, lapses_at = NULL
        WHERE id = ANY(CAST(:ids AS uuid[])) RETURNING id, revision, status
    )
    INSERT INTO registration_change (registration_id, revision, status, changed_at, reason, changed_by)
    SELECT id, revision, status, :now, :reason, CAST(:by AS text) FROM gone
""")
_TAKE_TAGS = text("""
    UPDATE registration r SET tags = ARRAY(SELECT DISTINCT unnest(r.tags || o.tags) AS tag ORDER BY tag),
        tags_revision = r.tags_revision + 1
    FROM registration o WHERE r.id = CAST(:kept AS uuid) AND o.id = CAST(:other AS uuid) AND NOT r.tags @> o.tags
    RETURNING r.id::text AS id, r.tags, r.tags_revision
""")
_TAKE_NOTES = text("""
    UPDATE registration_note SET registration_id = CAST(:kept AS uuid) WHERE registration_id = CAST(:other AS uuid)
""")
_VERIFY = text("""
    UPDATE registration SET verified_at = :now WHERE id = ANY(CAST(:ids AS uuid[])) AND verified_at IS NULL
""")
_SEATS = text("""
    UPDATE seat SET confirmed = new.confirmed, waiting = new.waiting, last_position = new.last_position,
        offered = new.offered, passed = new.passed, word = new.word, options = option_counts(seat.form)
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (form text, confirmed int, waiting int, last_position int,
        offered int, passed int, word text)
    WHERE seat.form = new.form
""")
_USE = text("""
    INSERT INTO used_challenge (id, form, used_at) SELECT decode(id, 'hex'), form, :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id text, form text)
""")
_UNVERIFIED = text("""
    INSERT INTO unverified_submission (form, person_key, network, domain_ref, since)
    SELECT form, decode(person, 'hex'), decode(network, 'hex'), decode(domain, 'hex'), :now
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (form text, person text, network text, domain text)
    ON CONFLICT DO NOTHING
""")
_STORE_OUTCOMES = text("""
    UPDATE submission s SET state = 'decided', outcome = new.outcome, calendar_key = new.calendar_key,
        became = new.became, decided_at = :now, body = NULL, network = NULL, challenge = NULL
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (number bigint, outcome jsonb, calendar_key text, became uuid)
    WHERE s.id = new.number
""")


def write_candidates(connection: Connection, plan: BatchPlan) -> None:
    """Store the new candidates and delete those that are decided."""
    if plan.candidates:
        rows = [
            _row(candidate.address, candidate)
            | {"content": without_cause(candidate.content), "sealed": candidate.content.sealed}
            for candidate in plan.candidates
            if candidate.id not in plan.deleted
        ]
        connection.execute(_ADD_CANDIDATES, {"rows": as_parameter(rows)})
    if plan.deleted:
        registered = [registration.number for registration in plan.registered]
        connection.execute(_DELETE_CANDIDATES, {"ids": plan.deleted, "registered": registered})


def write_registrations(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Store new registrations; see :func:`registration_row`."""
    if rows:
        connection.execute(_REGISTER, {"rows": as_parameter(rows), "now": now})


def write_owners(connection: Connection, registrations: Sequence[str], now: datetime) -> None:
    """Record that the addresses of these registrations are verified, where they were not."""
    if registrations:
        connection.execute(_VERIFY, {"ids": list(registrations), "now": now})


def write_changes(connection: Connection, rows: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Store new content of live registrations; see :func:`change_row`."""
    if rows:
        connection.execute(_CHANGE, {"rows": as_parameter(rows), "now": now})


def write_cancelled(connection: Connection, plan: BatchPlan, reason: str, now: datetime) -> None:
    """Store that registrations were cancelled by their link."""
    if plan.cancelled:
        values = {"ids": [registration.id for registration in plan.cancelled], "reason": reason, "now": now, "by": None}
        connection.execute(_CANCEL, values)


def write_merged(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store that registrations ended because another one of the same person stays."""
    for merge in plan.merged:
        values = {"ids": [merge.ended.id], "reason": MERGED_AWAY, "now": now, "by": merge.act.by}
        connection.execute(_CANCEL, values)
        taken = connection.execute(_TAKE_TAGS, {"kept": merge.kept, "other": merge.ended.id})
        outbox.add(connection, [tagged_message(row.id, row.tags, row.tags_revision, now) for row in taken])
        connection.execute(_TAKE_NOTES, {"kept": merge.kept, "other": merge.ended.id})


def write_seats(connection: Connection, facts: Facts, forms: Iterable[str]) -> None:
    """Store the seats of ``forms`` as the batch has left them, and the word that the public may know."""
    seats = {slug: facts.forms[slug].seats for slug in sorted(forms)}
    if seats:
        names = ("confirmed", "waiting", "last_position", "offered", "passed", "word")
        rows = [{"form": slug, **{name: getattr(seats, name) for name in names}} for slug, seats in seats.items()]
        connection.execute(_SEATS, {"rows": as_parameter(rows)})


def write_used_challenges(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store which challenges were used."""
    if plan.challenges:
        rows = [{"id": identity, "form": form} for identity, form in plan.challenges]
        connection.execute(_USE, {"rows": as_parameter(rows), "now": now})


def write_unverified(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store what counts for the quotas of forms without verification; a person from one network counts once."""
    if plan.unverified:
        rows = [
            {
                "form": submission.form,
                "person": submission.person,
                "network": submission.network or UNKNOWN_NETWORK,
                "domain": submission.address.domain,
            }
            for submission in plan.unverified
        ]
        connection.execute(_UNVERIFIED, {"rows": as_parameter(rows), "now": now})


def store_outcomes(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store the outcomes, and which candidate or registration each submission became; the bodies are deleted."""
    candidates = [candidate for candidate in plan.candidates if candidate.id not in plan.deleted]
    became = {candidate.number: candidate.id for candidate in candidates} | {
        registration.number: registration.id for registration in plan.registered
    }
    rows = [
        {
            "number": number,
            "outcome": outcome,
            "calendar_key": plan.calendar_keys.get(number),
            "became": became.get(number),
        }
        for number, outcome in (plan.outcomes | plan.results).items()
    ]
    connection.execute(_STORE_OUTCOMES, {"rows": as_parameter(rows), "now": now})


def registration_row(new: NewRegistration, event_id: str | None, organisation_id: str | None) -> dict[str, Any]:
    """Return a row for :func:`write_registrations`.

    Args:
        new: the new registration.
        event_id: the slug of the form's event; None for none.
        organisation_id: the id of the content's organisation, UUID text.
    """
    row = _row(new.content, new.address, new) | act_columns(new.act)
    return row | {"event_id": event_id, "organisation_id": organisation_id}


def change_row(changed: ChangedRegistration, organisation_id: str | None) -> dict[str, Any]:
    """Return a row for :func:`write_changes`, with the id of the content's organisation."""
    reason = {"reason": RESTORED} if changed.restores_to else act_columns(changed.act)
    return _row(changed.content, changed) | reason | {"organisation_id": organisation_id}


def act_columns(act: DeskAct | None) -> dict[str, str]:
    """Return the coordinator and the reason; nothing if no coordinator did it."""
    return {} if act is None else {"by_desk": act.by, "reason": act.reason}


def _row(*values: Any) -> dict[str, Any]:
    """The columns of ``values``, the last of which contains the others too."""
    apart = ("content", "address", "cause", "act")
    return {name: value for name, value in columns_of(*values).items() if name not in apart}


_DROP_CHANGES = text("DELETE FROM address_change WHERE id = ANY(CAST(:ids AS uuid[]))")
_DROP_FORMER = text("DELETE FROM former_address WHERE id = ANY(CAST(:ids AS uuid[]))")
_ASK_ADDRESS = text("""
    INSERT INTO address_change (id, registration_id, address_ref, mailbox_ref, domain_ref, email, code, received_at)
    SELECT id, registration, decode(ref, 'hex'), decode(mailbox, 'hex'), decode(domain, 'hex'), email, code,
        received_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, registration uuid, ref text, mailbox text,
        domain text, email text, code text, received_at timestamptz)
""")
_COUNT_REQUESTS = text("""
    UPDATE registration r SET address_requests = new.count, address_requests_since = new.since
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, count integer, since timestamptz)
    WHERE r.id = new.id
""")
_KEEP_FORMER = text("""
    INSERT INTO former_address (id, registration_id, revision, token_hash, address_ref, mailbox_ref, domain_ref, email,
        content, changed_at, expires_at)
    SELECT new.id, r.id, new.revision, decode(new.token_hash, 'hex'), r.person_ref, r.mailbox_ref, r.domain_ref,
        r.email, new.content, :now, :expires_at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, registration uuid, revision integer, token_hash text,
        content jsonb)
    JOIN registration r ON r.id = new.registration
""")
_MOVE = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision integer, status text,
            email text, ref text, mailbox text, domain text, person text, reason text, by_desk text)
    ), changes AS (
        INSERT INTO registration_change (registration_id, revision, status, changed_at, reason, changed_by, fields)
        SELECT new.id, new.revision, CASE WHEN r.offer_expires_at IS NULL THEN new.status ELSE 'offered' END,
            :now, new.reason, new.by_desk,
            CASE WHEN new.by_desk IS NULL THEN CAST('{}' AS text[]) ELSE ARRAY['email'] END
        FROM new JOIN registration r ON r.id = new.id
        ON CONFLICT DO NOTHING  -- other answers changed with it: the line of that revision names them all
    )
    UPDATE registration r SET revision = new.revision, email = new.email, person_ref = decode(new.ref, 'hex'),
        mailbox_ref = decode(new.mailbox, 'hex'), domain_ref = decode(new.domain, 'hex'),
        person_key = decode(new.person, 'hex'),
        verified_at = CASE WHEN new.by_desk IS NULL THEN coalesce(r.verified_at, :now) END
    FROM new WHERE r.id = new.id
""")


@dataclass(frozen=True, slots=True)
class FormerLink:
    """The undo link of a change that is about to be written.

    Attributes:
        content: the content that the undo restores, as JSON values; None for an undo.
        token_hash: the hash of the link's token, 32 bytes.
    """

    id: str
    registration: str
    revision: int
    content: Mapping[str, Any] | None = field(repr=False)
    token_hash: bytes = field(repr=False)


def write_address_changes(connection: Connection, plan: BatchPlan) -> None:
    """Store new pending changes, and delete those that are no longer pending."""
    if plan.dropped_changes:
        connection.execute(_DROP_CHANGES, {"ids": plan.dropped_changes})
    asked = [change for change in plan.asked if change.id not in plan.dropped_changes]
    if asked:
        rows = [columns_of(change, change.address) for change in asked]
        connection.execute(_ASK_ADDRESS, {"rows": as_parameter([_without_address(row) for row in rows])})
    if plan.address_requests:
        counts = [{"id": identity, **columns_of(requests)} for identity, requests in plan.address_requests.items()]
        connection.execute(_COUNT_REQUESTS, {"rows": as_parameter(counts)})


def write_moved(connection: Connection, plan: BatchPlan, former: Iterable[FormerLink], now: datetime) -> None:
    """Store the new addresses and the previous ones, and end all links of the changed registrations and of the
    previous addresses.

    Args:
        connection: the connection of the batch's transaction.
        plan: the plan of the batch.
        former: the undo links of the changes; the link of an undo is sent to no one.
    """
    if plan.dropped_former:
        connection.execute(_DROP_FORMER, {"ids": plan.dropped_former})
    if not plan.moved:
        return
    kept = [columns_of(link) for link in former]
    if kept:
        connection.execute(_KEEP_FORMER, {"rows": as_parameter(kept), "now": now, "expires_at": now + UNDO_FOR})
    end_confirmation_links(
        connection, [registration.id for registration in plan.moved], now
    )  # first: of the addresses before
    connection.execute(
        _MOVE, {"rows": as_parameter([_moved_row(registration) for registration in plan.moved]), "now": now}
    )
    end_links(connection, [registration.id for registration in plan.moved])


def _moved_row(moved: MovedRegistration) -> dict[str, Any]:
    reason = {"reason": RESTORED if moved.restored else CHANGED}
    return _without_address(columns_of(moved, moved.address)) | reason | act_columns(moved.act)


def _without_address(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in ("address", "act", "before")}


_END_CONFIRMATION = text("""
    DELETE FROM confirmation_link l USING registration r
    WHERE r.id = ANY(CAST(:registrations AS uuid[])) AND l.address_ref = r.person_ref
    RETURNING l.id::text, l.address_ref, l.mailbox_ref, l.domain_ref, l.email, l.language
""")
_UNMAILED = text("""
    SELECT w.address_ref, w.network, w.proven FROM (
        SELECT address_ref, network, proven FROM candidate WHERE address_ref = ANY(:refs) AND mailed_at IS NULL
        UNION ALL SELECT address_ref, CAST(NULL AS bytea), false FROM address_change
        WHERE address_ref = ANY(:refs) AND mailed_at IS NULL) w
    WHERE NOT EXISTS (SELECT FROM blocked_address b WHERE b.person_ref = w.address_ref)
""")


def end_confirmation_links(connection: Connection, registrations: Sequence[str], now: datetime) -> None:
    """End the confirmation links of the addresses that these registrations have now, and erase their messages' content.

    The id of a link is all that connects its message with an address: once its row is deleted, no erasure finds the
    message. What waits for the owner of an address goes on waiting. If the mail about it is not known to be sent,
    another one is due, under the same spacing and quotas as any; otherwise the owner can have a new link mailed.
    """
    ended = connection.execute(_END_CONFIRMATION, {"registrations": list(registrations)}).all() if registrations else []
    if not ended:
        return
    for link in ended:
        outbox.blank(connection, link[0], now)
    owners = {bytes(ref): (AddressRefs(ref, *refs), email, language) for _, ref, *refs, email, language in ended}
    unmailed = connection.execute(_UNMAILED, {"refs": list(owners)}).all()
    want_mails(connection, [MailWanted(*owners[bytes(ref)], network, proven) for ref, network, proven in unmailed], now)
