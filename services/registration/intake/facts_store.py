"""What the decider reads inside the transaction of a batch, under the locks that the decision needs.

Forms are locked by their seats, in order of their slugs, as by every writer of seats.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, TextClause, text

from services.registration.forms.opening import Opening
from services.registration.forms.seats import read_option_limits
from services.registration.forms.store import SEAT_COLUMNS, StoredForm, read_seats
from services.registration.intake.facts import (
    UNKNOWN_NETWORK,
    UNVERIFIED_COUNTED,
    AddressChange,
    AddressRequests,
    Candidate,
    Facts,
    FormerAddress,
    FormState,
    LiveRegistration,
    NewRegistration,
)
from services.registration.intake.items import Submission
from services.registration.intake.model import FormContent, content_from_json
from services.registration.intake.received import LinkOwner, UndoLink
from services.registration.people.model import AddressRefs

SEEN_WITHIN = timedelta(minutes=1)
"""How long a sender may have had a form open before sending: older versions of the form do not affect the decision."""

_LOCK = text("SELECT form FROM seat WHERE form = ANY(:forms) ORDER BY form FOR UPDATE")
_FORMS = text(f"""
    SELECT f.slug, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list, f.open, f.event_id IS NOT NULL,
        e.status, e.starts_at, e.ends_at, f.kind, f.closes_hours_before, f.opens_at, f.closes_at, f.changes_until,
        f.open_until, e.mode, f.verification, f.people_per_address, f.event_id, f.attend, s.options, {SEAT_COLUMNS}
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
_UNVERIFIED = text("""
    SELECT form, network, count(*) FROM unverified_submission
    WHERE form = ANY(:forms) AND network = ANY(:networks) AND since > :since GROUP BY form, network
    UNION ALL SELECT '', domain_ref, count(*) FROM unverified_submission
    WHERE domain_ref = ANY(:domains) AND domain_ref <> '' AND since > :since GROUP BY domain_ref
""")
_MAILED = text("SELECT mailbox_ref FROM mailbox WHERE mailbox_ref = ANY(:mailboxes) AND next_mail_at > :now")
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
    submissions: Sequence[Submission],
    now: datetime,
) -> Facts:
    """Lock the seats of ``forms`` and read everything that decides about a batch.

    Every other writer of a registration locks seats, then the registration. Retention alone locks registrations
    without their seats, and skips those that are locked here: so it never drops an answer that is written back.

    Args:
        connection: the connection of the batch's transaction.
        forms: the slugs that the batch names; those of the addresses' candidates and registrations are added.
        refs: the keyed hashes of the batch's addresses.
        submissions: the submissions of the batch, which may register people at once.
    """
    found = connection.execute(_CANDIDATES, {"refs": list(refs)})
    candidates = {candidate.id: candidate for candidate in map(_candidate, found)}
    live = _live(connection, _LIVE_BY_ADDRESS, refs)
    wanted = sorted(
        {*forms, *(candidate.form for candidate in candidates.values()), *(registration.form for registration in live)}
    )
    connection.execute(_LOCK, {"forms": wanted})
    live = _live(connection, _LOCKED_LIVE, refs)  # again: the desk may have changed some while we waited for seats
    facts = Facts(forms=_forms(connection, wanted, now), candidates=candidates)
    for registration in live:
        facts.of(registration.form, registration.address).append(registration)
    facts.blocked = frozenset(connection.execute(_BLOCKED, {"refs": list(refs)}).scalars())
    at_once = [
        submission
        for submission in submissions
        if submission.form in facts.forms and facts.forms[submission.form].verification == "none"
    ]
    if at_once:
        _read_unverified(connection, facts, at_once, now)
    challenges = [submission.challenge for submission in submissions if submission.challenge is not None]
    if challenges:
        facts.used = set(connection.execute(_USED, {"challenges": list(challenges)}).scalars())
    return facts


def _read_unverified(connection: Connection, facts: Facts, at_once: Sequence[Submission], now: datetime) -> None:
    mailboxes = sorted({submission.address.mailbox for submission in at_once})
    for form, mailbox, count in connection.execute(_AT_MAILBOX, {"mailboxes": mailboxes}):
        facts.at_mailbox[form, bytes(mailbox)] = count
    values = {
        "forms": sorted({submission.form for submission in at_once}),
        "networks": sorted({submission.network or UNKNOWN_NETWORK for submission in at_once}),
        "domains": sorted({submission.address.domain for submission in at_once}),
        "since": now - UNVERIFIED_COUNTED,
    }
    for form, ref, count in connection.execute(_UNVERIFIED, values):
        facts.unverified[form, bytes(ref)] = count
    found = connection.execute(_MAILED, {"mailboxes": mailboxes, "now": now})
    facts.mailed = {bytes(mailbox) for mailbox in found.scalars()}


def preview_facts(
    connection: Connection, record: StoredForm, refs: Sequence[bytes], before: Facts | None = None
) -> Facts:
    """Read what decides about entries on one form, without a lock: for a preview.

    Args:
        connection: the connection of any transaction.
        record: the form.
        refs: the keyed hashes of the entries' addresses.
        before: the facts of the entries before, as they have left them: the seats that they have taken count.
    """
    form = record.slug
    facts = before or Facts(forms={form: _previewed(connection, record)})
    known = {registration.id for address in refs for registration in facts.of(form, address)}
    for registration in _live(connection, _LIVE_BY_ADDRESS, refs):
        if registration.form == form and registration.id not in known:
            facts.of(form, registration.address).append(registration)
    blocked = connection.execute(_BLOCKED, {"refs": list(refs)}).scalars()
    facts.blocked |= frozenset(bytes(ref) for ref in blocked)
    return facts


def _previewed(connection: Connection, record: StoredForm) -> FormState:
    options = connection.execute(_OPTIONS, {"form": record.slug}).scalar_one()
    rules = (record.verification, record.people_per_address, record.event_id, record.attend)
    return FormState(record.opening, record.seats, *rules, read_option_limits(options))


def places_in_line(connection: Connection, registered: Iterable[NewRegistration]) -> dict[str, int]:
    """Return the place on its waiting list of each registration that has one, by id; they are stored already."""
    waiting = [registration for registration in registered if registration.status == "waitlisted"]
    if not waiting:
        return {}
    values = {
        "forms": list({registration.form for registration in waiting}),
        "ids": [registration.id for registration in waiting],
    }
    return {identity: int(place) for identity, place in connection.execute(_PLACES, values)}


def erased_before(connection: Connection, refs: Sequence[bytes]) -> dict[tuple[bytes, str], int]:
    """Return, by address and form, up to which number everything received was erased; the form "" means all forms."""
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
            Opening(*row[6:18]),
            read_seats([*row[1:6], *row[23:]]),
            row[18],
            row[19],
            row[20],
            row[21],
            read_option_limits(row[22]),
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


_UNDO_LINKS = text("""
    SELECT f.token_hash, f.id::text, f.registration_id::text, r.form, f.expires_at, ARRAY[f.address_ref, r.person_ref]
    FROM former_address f JOIN registration r ON r.id = f.registration_id
    WHERE f.token_hash = ANY(:hashes) AND r.erased_at IS NULL
""")
_PRESENT = text("""
    SELECT DISTINCT r.person_ref FROM address_change c JOIN registration r ON r.id = c.registration_id
    WHERE c.address_ref = ANY(:refs) AND r.erased_at IS NULL
""")
_CHANGES = text("""
    SELECT c.id::text, c.registration_id::text, r.form, c.email, c.address_ref, c.mailbox_ref, c.domain_ref, c.code,
        c.received_at
    FROM address_change c JOIN registration r ON r.id = c.registration_id
    WHERE c.address_ref = ANY(:refs) OR c.registration_id = ANY(CAST(:registrations AS uuid[]))
""")
_FORMER = text("""
    SELECT id::text, registration_id::text, revision, email, address_ref, mailbox_ref, domain_ref, changed_at,
        content
    FROM former_address
    WHERE registration_id = ANY(CAST(:registrations AS uuid[])) ORDER BY registration_id, revision
""")


def find_undo_links(connection: Connection, hashes: Sequence[bytes]) -> dict[bytes, UndoLink]:
    """Return what the undo links with these token hashes open, by hash; ended ones too."""
    if not hashes:
        return {}
    return {bytes(row[0]): UndoLink(*row[1:]) for row in connection.execute(_UNDO_LINKS, {"hashes": list(hashes)})}


def with_present_addresses(connection: Connection, refs: Sequence[bytes]) -> list[bytes]:
    """Return ``refs`` and the present addresses of registrations that one of them is to be used for."""
    return sorted({*refs, *connection.execute(_PRESENT, {"refs": list(refs)}).scalars()})


def read_addresses(connection: Connection, facts: Facts, refs: Sequence[bytes], undone: Sequence[str]) -> None:
    """Add to ``facts`` what decides about changes of address.

    Args:
        connection: the connection of the batch's transaction.
        facts: the facts, with the registrations of all addresses, locked.
        refs: the keyed hashes of the batch's addresses.
        undone: the ids of registrations of which a change is taken back.
    """
    live = [registration.id for registrations in facts.live.values() for registration in registrations]
    found = connection.execute(_CHANGES, {"refs": list(refs), "registrations": live})
    facts.changes = {row[0]: _change(list(row)) for row in found}
    if undone:
        former = connection.execute(_FORMER, {"registrations": list(undone)})
        facts.former = [_former(list(row)) for row in former]
        facts.ended = {registration.id: registration for registration in ended_registrations(connection, undone)}


def _change(values: list[Any]) -> AddressChange:
    return AddressChange(*[*values[:4], AddressRefs(*values[4:7]), *values[7:]])


def _former(values: list[Any]) -> FormerAddress:
    before = None if values[8] is None else content_from_json(values[8])
    return FormerAddress(*[*values[:4], AddressRefs(*values[4:7]), values[7], before])
