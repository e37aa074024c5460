"""What the decider reads and writes, inside the one transaction of a batch.

Forms are locked by their seats, in order of their slugs, as by every writer of seats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, text

from services.registration.forms.opening import Opening
from services.registration.forms.seats import read_option_limits
from services.registration.forms.store import SEAT_COLUMNS, StoredForm, read_seats
from services.registration.intake.facts import (
    AddressRequests,
    BatchPlan,
    Candidate,
    ChangedRegistration,
    Facts,
    FormState,
    LiveRegistration,
    NewRegistration,
)
from services.registration.intake.items import DeskAct
from services.registration.intake.model import FormContent, content_from_json, without_cause
from services.registration.people.messages import tagged_message
from services.registration.people.model import AddressRefs
from services.registration.people.store import as_parameter, columns_of
from shared.store import outbox

SEEN_WITHIN = timedelta(minutes=1)
"""How long a sender may have looked at a form before sending: an older version than that decides about nothing."""

MERGED_AWAY = "merged into another registration of the same person"

_LOCK = text("SELECT form FROM seat WHERE form = ANY(:forms) ORDER BY form FOR UPDATE")
_FORMS = text(f"""
    SELECT f.slug, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list, f.open, f.event_id IS NOT NULL,
        e.status, e.starts_at, e.ends_at, f.kind, f.closes_hours_before, f.opens_at, f.closes_at, f.changes_until,
        f.verification, f.people_per_address, f.event_id, f.attend, s.options, {SEAT_COLUMNS}
    FROM form f JOIN form o ON o.slug = f.slug JOIN seat s ON s.form = f.slug
        LEFT JOIN event_copy e ON e.id = f.event_id WHERE f.slug = ANY(:forms)
""")  # noqa: S608 - a constant list of columns
_OPTIONS = text("SELECT options FROM seat WHERE form = :form")
_VERSIONS = text("""
    SELECT form, revision - 1, changed_at, before, after FROM form_change
    WHERE form = ANY(:forms) AND revision > 1 AND changed_at >= :since ORDER BY form, revision DESC
""")
_KNOWN = """
    SELECT r.id::text, r.form, r.status, r.revision, r.person_key, r.person_ref, r.email, r.language, r.name, o.name,
        r.working_group, r.representative, r.country, r.time_zone, r.partner, r.answers, r.sealed,
        r.sealed_for, r.consent, CASE f.kind WHEN 'proposal' THEN r.answers ->> 'title' END, r.address_requests,
        r.address_requests_since, coalesce(p.status = 'returned' AND p.answers_revision >= r.revision, false),
        r.offer_expires_at, r.offer_passed, coalesce(r.domain_ref, '')
    FROM registration r JOIN form f ON f.slug = r.form LEFT JOIN organisation o ON o.id = r.organisation_id
        LEFT JOIN proposal_state p ON p.registration_id = r.id
    WHERE r.erased_at IS NULL AND
"""
_LIVE_BY_ADDRESS = text(_KNOWN + "r.status <> 'cancelled' AND r.person_ref = ANY(:refs) ORDER BY r.id")
_LOCKED_LIVE = text(_KNOWN + "r.status <> 'cancelled' AND r.person_ref = ANY(:refs) ORDER BY r.id FOR UPDATE OF r")
_LOCKED_ENDED = text(
    _KNOWN + "r.status = 'cancelled' AND r.id = ANY(CAST(:ids AS uuid[])) ORDER BY r.id FOR UPDATE OF r"
)
_CANDIDATES = text("""
    SELECT id::text, submission, form, received_at, code, fingerprint, network, proven, content, sealed, address_ref,
        mailbox_ref, domain_ref, person_key, mailed_at
    FROM candidate WHERE address_ref = ANY(:refs)
""")
_PLACES = text("""
    SELECT id::text, place FROM (
        SELECT id, row_number() OVER (PARTITION BY form ORDER BY received_at, submission) AS place FROM registration
        WHERE form = ANY(:forms) AND status = 'waitlisted') AS line
    WHERE id = ANY(CAST(:ids AS uuid[]))
""")
_AT_MAILBOX = text("""
    SELECT form, mailbox_ref, count(*) FROM registration
    WHERE mailbox_ref = ANY(:mailboxes) AND erased_at IS NULL AND status <> 'cancelled' GROUP BY form, mailbox_ref
""")
_BLOCKED = text("SELECT person_ref FROM blocked_address WHERE person_ref = ANY(:refs)")
_ERASED = text("SELECT address_ref, form, before_number FROM erased_address WHERE address_ref = ANY(:refs)")
_USED = text("SELECT id FROM used_challenge WHERE id = ANY(:challenges)")
_LINKS = text("""
    SELECT token_hash, address_ref, mailbox_ref, domain_ref, NULL, expires_at, 'confirmation' FROM confirmation_link
    WHERE token_hash = ANY(:hashes)
    UNION ALL SELECT l.token_hash, r.person_ref, r.mailbox_ref, r.domain_ref, r.id::text, NULL, l.purpose
    FROM (SELECT token_hash, registration_id, 'own' AS purpose FROM managing_link WHERE token_hash = ANY(:hashes)
        UNION ALL SELECT token_hash, registration_id, purpose FROM limited_link WHERE token_hash = ANY(:hashes)) l
    JOIN registration r ON r.id = l.registration_id WHERE r.erased_at IS NULL
""")

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
_DELETE_CANDIDATES = text("DELETE FROM candidate WHERE id = ANY(CAST(:ids AS uuid[]))")
_REGISTER = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, form text, event_id text, status text,
            position int, capacity int, number bigint, received_at timestamptz, ref text, mailbox text,
            domain text, person text, name text, email text, organisation_id uuid, organisation text,
            working_group text, representative boolean, country text, time_zone text, language text, partner text,
            answers jsonb, sealed text, sealed_for jsonb, consent jsonb, verified boolean, by_desk text, reason text)
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
        capacity_then, verified_at, sealed_at)
    SELECT id, form, event_id, status, position, 1, number, received_at, decode(ref, 'hex'),
        decode(mailbox, 'hex'), decode(domain, 'hex'), decode(person, 'hex'), name, email, organisation_id,
        working_group, representative, country, time_zone, language, partner, answers, decode(sealed, 'hex'),
        ARRAY(SELECT jsonb_array_elements_text(sealed_for)),
        given_at(sealed_for, '{}', received_at), with_date(consent, :now),
        :now, CASE WHEN status = 'confirmed' THEN CAST(:now AS timestamptz) END, capacity,
        CASE WHEN verified THEN CAST(:now AS timestamptz) END,
        CASE WHEN sealed IS NOT NULL THEN CAST(:now AS timestamptz) END
    FROM new
""")
_CHANGE = text("""
    WITH new AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (id uuid, revision int, status text, person text,
            name text, email text, organisation_id uuid, organisation text, working_group text,
            representative boolean, country text, time_zone text, language text, answers jsonb, sealed text,
            sealed_for jsonb, consent jsonb, fields jsonb, sealed_given boolean, details_given boolean,
            offered boolean, by_desk text, reason text)
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
        sealed_at = CASE WHEN new.sealed_given THEN :now ELSE r.sealed_at END,
        details_at = CASE WHEN new.details_given THEN :now ELSE r.details_at END,
        sealed_dates = given_at(new.sealed_for, r.sealed_dates, :now), consent = with_date(new.consent, :now),
        verified_at = CASE WHEN new.by_desk IS NULL THEN coalesce(r.verified_at, :now) ELSE r.verified_at END
    FROM new WHERE r.id = new.id
""")
_CANCEL = text("""
    WITH gone AS (
        UPDATE registration SET status = 'cancelled', revision = revision + 1, cancelled_at = :now,
            offer_expires_at = NULL, offer_passed = false
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
_SETTLE = text("""
    UPDATE submission s SET state = 'decided', outcome = new.outcome, calendar_key = new.calendar_key,
        decided_at = :now, body = NULL, network = NULL, challenge = NULL
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (number bigint, outcome jsonb, calendar_key text)
    WHERE s.id = new.number
""")


@dataclass(frozen=True, slots=True)
class LinkOwner:
    """Whom a link opens something for.

    Attributes:
        registration: that the link is of; None for a confirmation link.
        expires_at: of a confirmation link; None for the others.
        purpose: of the link, see ``shared.core.links``.
    """

    address: AddressRefs
    registration: str | None
    expires_at: datetime | None
    purpose: str

    def has_link_at(self, at: datetime) -> bool:
        """Whether the link opened something at that time; links of registrations do as long as they are there."""
        return self.expires_at is None or self.expires_at > at


def find_links(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, LinkOwner]:
    """Return what the links with these token hashes open, ended ones too, by hash."""
    if not hashes:
        return {}
    found = connection.execute(_LINKS, {"hashes": list(hashes)})
    return {row[0]: LinkOwner(AddressRefs(*row[1:4]), *row[4:]) for row in found}


def read_facts(
    connection: Connection,
    forms: Iterable[str],
    refs: Sequence[bytes],
    mailboxes: Iterable[bytes],
    challenges: Sequence[bytes],
    now: datetime,
) -> Facts:
    """Lock the seats of ``forms`` and read everything that decides about a batch.

    Every other writer of a registration locks seats, then the registration. Retention alone locks registrations
    without their seats, and skips those that are locked here: so it never drops an answer that is written back.

    Args:
        connection: of the batch's transaction.
        forms: slugs that the batch names; those of the addresses' candidates and registrations are added.
        refs: of the batch's addresses.
        mailboxes: canonical ones that the batch may register somebody with at once.
        challenges: ids of the solved challenges of the batch.
        now: the time.
    """
    found = connection.execute(_CANDIDATES, {"refs": list(refs)})
    candidates = {one.id: one for one in map(_candidate, found)}
    live = _live(connection, _LIVE_BY_ADDRESS, refs)
    wanted = sorted({*forms, *(one.form for one in candidates.values()), *(one.form for one in live)})
    connection.execute(_LOCK, {"forms": wanted})
    live = _live(connection, _LOCKED_LIVE, refs)  # again: the desk may have changed some while we waited for seats
    facts = Facts(forms=_forms(connection, wanted, now), candidates=candidates)
    for one in live:
        facts.of(one.form, one.address).append(one)
    facts.blocked = frozenset(connection.execute(_BLOCKED, {"refs": list(refs)}).scalars())
    if any(form.verification == "none" for form in facts.forms.values()):
        counted = connection.execute(_AT_MAILBOX, {"mailboxes": sorted(mailboxes)})
        facts.at_mailbox.update({(form, bytes(mailbox)): count for form, mailbox, count in counted})
    if challenges:
        facts.used = set(connection.execute(_USED, {"challenges": list(challenges)}).scalars())
    return facts


def preview_facts(
    connection: Connection, record: StoredForm, refs: Sequence[bytes], before: Facts | None = None
) -> Facts:
    """Read what decides about entries on one form, without a lock: for a preview.

    Args:
        connection: of any transaction.
        record: the form.
        refs: of the addresses of the entries.
        before: facts of the entries before, as they have left them: the seats that they have taken count.
    """
    form = record.slug
    facts = before or Facts(forms={form: _previewed(connection, record)})
    known = {one.id for address in refs for one in facts.of(form, address)}
    for one in _live(connection, _LIVE_BY_ADDRESS, refs):
        if one.form == form and one.id not in known:
            facts.of(form, one.address).append(one)
    blocked = connection.execute(_BLOCKED, {"refs": list(refs)}).scalars()
    facts.blocked |= frozenset(bytes(ref) for ref in blocked)
    return facts


def _previewed(connection: Connection, record: StoredForm) -> FormState:
    options = connection.execute(_OPTIONS, {"form": record.slug}).scalar_one()
    rules = (record.verification, record.people_per_address, record.event_id, record.attend)
    return FormState(record.opening, record.seats, *rules, read_option_limits(options))


def places_in_line(connection: Connection, registered: Iterable[NewRegistration]) -> dict[str, int]:
    """Return the place on its waiting list of each registration that has one, by id; they are stored already."""
    waiting = [one for one in registered if one.status == "waitlisted"]
    if not waiting:
        return {}
    values = {"forms": list({one.form for one in waiting}), "ids": [one.id for one in waiting]}
    return {identity: int(place) for identity, place in connection.execute(_PLACES, values)}


def erased_before(connection: Connection, refs: Sequence[bytes]) -> dict[tuple[bytes, str], int]:
    """Return, by address and form, up to which number everything received was erased; the form "" stands for all."""
    found = connection.execute(_ERASED, {"refs": list(refs)})
    return {(bytes(ref), form): number for ref, form, number in found}


def _live(connection: Connection, statement: TextClause, refs: Sequence[bytes]) -> list[LiveRegistration]:
    return [_live_registration(row) for row in connection.execute(statement, {"refs": list(refs)})]


def ended_registrations(connection: Connection, ids: Sequence[str]) -> list[LiveRegistration]:
    """Return the cancelled ones of these registrations, locked."""
    return [_live_registration(row) for row in connection.execute(_LOCKED_ENDED, {"ids": list(ids)})]


def _live_registration(row: Sequence[Any]) -> LiveRegistration:
    *content, sealed_for, consent, title, requests, since, returned, expires_at, passed, domain = row[6:]
    found = replace(FormContent(*[*content, tuple(sealed_for), consent]), title=title)
    values = [*row[:6], found, AddressRequests(requests, since), returned, expires_at, passed, bytes(domain)]
    return LiveRegistration(*values)


def _candidate(row: Sequence[Any]) -> Candidate:
    content = replace(content_from_json(row[8]), sealed=row[9])
    values = [*row[:8], content, AddressRefs(*row[10:13]), *row[13:]]
    return Candidate(*values)


def _forms(connection: Connection, slugs: Sequence[str], now: datetime) -> dict[str, FormState]:
    found = {
        row[0]: FormState(
            Opening(*row[6:16]),
            read_seats([*row[1:6], *row[21:]]),
            row[16],
            row[17],
            row[18],
            row[19],
            read_option_limits(row[20]),
        )
        for row in connection.execute(_FORMS, {"forms": list(slugs)})
    }
    versions = connection.execute(_VERSIONS, {"forms": list(slugs), "since": now - SEEN_WITHIN})
    openings: dict[str, dict[int, Opening]] = {}
    for slug, revision, _changed_at, before, _after in versions:
        earlier = openings.setdefault(slug, {})
        newer = earlier.get(revision + 1, found[slug].opening)
        earlier[revision] = _opening_before(newer, before)
    return {slug: replace(form, opening_at=openings.get(slug, {})) for slug, form in found.items()}


def _opening_before(opening: Opening, before: Mapping[str, Any]) -> Opening:
    """How a form decided about being open before a change, by what the change replaced."""
    return replace(
        opening,
        switched_on=before.get("open", opening.switched_on),
        opens_at=_instant(before["opens_at"]) if "opens_at" in before else opening.opens_at,
        closes_at=_instant(before["closes_at"]) if "closes_at" in before else opening.closes_at,
    )


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


def write_candidates(connection: Connection, plan: BatchPlan) -> None:
    """Store the new candidates and delete those that are decided."""
    if plan.candidates:
        rows = [
            _row(one.address, one) | {"content": without_cause(one.content), "sealed": one.content.sealed}
            for one in plan.candidates
            if one.id not in plan.deleted
        ]
        connection.execute(_ADD_CANDIDATES, {"rows": as_parameter(rows)})
    if plan.deleted:
        connection.execute(_DELETE_CANDIDATES, {"ids": plan.deleted})


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
        values = {"ids": [one.id for one in plan.cancelled], "reason": reason, "now": now, "by": None}
        connection.execute(_CANCEL, values)


def write_merged(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store that registrations ended because another one of the same person stays."""
    for one in plan.merged:
        values = {"ids": [one.ended.id], "reason": MERGED_AWAY, "now": now, "by": one.act.by}
        connection.execute(_CANCEL, values)
        taken = connection.execute(_TAKE_TAGS, {"kept": one.kept, "other": one.ended.id})
        outbox.add(connection, [tagged_message(row.id, row.tags, row.tags_revision, now) for row in taken])
        connection.execute(_TAKE_NOTES, {"kept": one.kept, "other": one.ended.id})


def write_seats(connection: Connection, facts: Facts, forms: Iterable[str]) -> None:
    """Store the seats of ``forms`` as the batch has left them, and the word that the public may know."""
    seats = {slug: facts.forms[slug].seats for slug in sorted(forms)}
    if seats:
        names = ("confirmed", "waiting", "last_position", "offered", "passed", "word")
        rows = [{"form": slug, **{name: getattr(one, name) for name in names}} for slug, one in seats.items()]
        connection.execute(_SEATS, {"rows": as_parameter(rows)})


def write_used_challenges(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store which challenges were used."""
    if plan.challenges:
        rows = [{"id": identity, "form": form} for identity, form in plan.challenges]
        connection.execute(_USE, {"rows": as_parameter(rows), "now": now})


def settle(connection: Connection, plan: BatchPlan, now: datetime) -> None:
    """Store the outcomes; the bodies are deleted."""
    rows = [
        {"number": number, "outcome": outcome, "calendar_key": plan.calendar_keys.get(number)}
        for number, outcome in (plan.outcomes | plan.results).items()
    ]
    connection.execute(_SETTLE, {"rows": as_parameter(rows), "now": now})


def registration_row(new: NewRegistration, event_id: str | None, organisation_id: str | None) -> dict[str, Any]:
    """Return a row for :func:`write_registrations`.

    Args:
        new: of the plan.
        event_id: of the form.
        organisation_id: of the content's organisation, UUID text.
    """
    row = _row(new.content, new.address, new) | act_columns(new.act)
    return row | {"event_id": event_id, "organisation_id": organisation_id}


def change_row(changed: ChangedRegistration, organisation_id: str | None) -> dict[str, Any]:
    """Return a row for :func:`write_changes`, with the id of the content's organisation."""
    return _row(changed.content, changed) | act_columns(changed.act) | {"organisation_id": organisation_id}


def act_columns(act: DeskAct | None) -> dict[str, str]:
    """Return who at the desk did it, and why; nothing if nobody there did."""
    return {} if act is None else {"by_desk": act.by, "reason": act.reason}


def _row(*values: Any) -> dict[str, Any]:
    """The columns of ``values``, the last of which holds the others too."""
    apart = ("content", "address", "cause", "act")
    return {name: value for name, value in columns_of(*values).items() if name not in apart}
