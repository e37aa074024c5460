"""The overview's numbers, missing translations, and the export of what is stored about one person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from services.events.attendance.numbers import (
    Membership,
    Missing,
    Traveller,
    last_mails,
    memberships,
    missing_traveller_counts,
    representatives_by_group,
    select_missing_travellers,
    tallies_by,
    traveller_count,
)
from services.events.attendance.store import FIRST_ID
from services.events.cleanup import PERSONAL_TABLES
from services.events.event.model import Event, EventStatus, Form, Mode, Readers
from services.events.event.records import forms_of_kind
from services.events.event.store import Counts, EventFilter, counts_of, select_events
from services.events.network.model import ConsultationTotal, Resource, ResourceKind, consultation_totals
from services.events.network.store import (
    ResourceFilter,
    all_consultations,
    all_working_groups,
    last_contacts,
    select_resources,
)
from services.events.overview.store import Untranslated, count_missing, missing_texts
from services.events.side_events.model import Proposal
from services.events.side_events.reading import ProposalKeys
from services.events.side_events.store import read_proposal
from shared.db.cleanup import export_rows, reasons_of
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.security.sealing import Unsealable
from shared.vocabulary.form_kinds import DELEGATION

MAX_EVENTS = 200
MAX_HELD = 20
MAX_RECORDINGS = 20
HELD = frozenset({EventStatus.CONFIRMED, EventStatus.HELD})
RECENT = timedelta(days=60)
"""How long after its end an event is listed as lacking a recording."""

LEFT_OUT = reasons_of(PERSONAL_TABLES)


@dataclass(frozen=True, slots=True)
class GroupLine:
    """One active working group: members, representatives by event, last bulletin (aware) and last noted contact, and
    whether a bulletin, or either of them, was this month."""

    id: str
    title: str
    members: int
    members_without_mail: int
    representatives: Mapping[str, int]
    last_mail_at: datetime | None
    mailed_this_month: bool
    last_contact_on: date | None
    contacted_this_month: bool


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event that is not over, with its registrations."""

    event: Event
    counts: Counts


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """A recently held event without a published recording; ``hidden`` is the id of one that is not."""

    event: Event
    hidden: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All numbers at one time.

    Attributes:
        events: the events that are not over, at most ``MAX_EVENTS`` by start.
        by_form_kind: the number of live registrations by kind of form.
        by_partner: the number of live registrations by partner.
        by_country: the number of live registrations by country.
        by_day: the number of live registrations by the day of registering, in UTC.
        travellers: distinct people on the delegation's form.
        missing: travellers who are not registered where they should be, by event.
        groups: every active working group, by id.
        consultations: sums by kind of host.
    """

    events: Sequence[EventLine]
    by_form_kind: Mapping[str, int]
    by_partner: Mapping[str, int]
    by_country: Mapping[str, int]
    by_day: Mapping[str, int]
    travellers: int
    missing: Sequence[Missing]
    groups: Sequence[GroupLine]
    consultations: Sequence[ConsultationTotal]


def show_overview(work: UnitOfWork, clock: Clock, travellers_not_in: str | None, *, internal: bool = False) -> Overview:
    """The overview now.

    Args:
        work: the unit of work on the database of events.
        clock: decides what is over, and which month it is, in UTC.
        travellers_not_in: the event at which travellers are missed; None for the one that their own form names.
        internal: the numbers of internal events and their registrations instead of all others.

    Raises:
        Unavailable: the database is down.
    """
    now = clock()
    with work.transaction() as connection:
        wanted = EventFilter(audience=Readers.COORDINATORS, internal=internal, not_over_at=now, limit=MAX_EVENTS)
        ahead = select_events(connection, wanted)
        counts = counts_of(connection, [event.id for event in ahead])
        return Overview(
            events=[EventLine(event, counts[event.id]) for event in ahead],
            by_form_kind=tallies_by(connection, "form_kind", internal=internal),
            by_partner=tallies_by(connection, "partner", internal=internal),
            by_country=tallies_by(connection, "country", internal=internal),
            by_day=tallies_by(connection, "day", internal=internal),
            travellers=traveller_count(connection, internal=internal),
            missing=missing_traveller_counts(connection, travellers_not_in, internal=internal),
            groups=_groups(connection, [event.id for event in ahead], now, internal=internal),
            consultations=list(consultation_totals(all_consultations(connection))),
        )


def list_unrecorded(work: UnitOfWork, clock: Clock) -> list[Unrecorded]:
    """Return online events of the last 60 days without a recording, among the last twenty, latest first.

    Raises:
        Unavailable: the database is down.
    """
    now = clock()
    lately = EventFilter(audience=Readers.COORDINATORS, on_from=now - RECENT, on_until=now, limit=MAX_EVENTS)
    with work.transaction() as connection:
        held = [event for event in select_events(connection, lately) if _was_online(event, now)][-MAX_HELD:]
        recordings = {event.id: _recordings(connection, event.id) for event in held}
    unrecorded = [event for event in held if not any(found.published for found in recordings[event.id])]
    return [
        Unrecorded(event, next((found.id for found in recordings[event.id]), None)) for event in reversed(unrecorded)
    ]


def _was_online(event: Event, now: datetime) -> bool:
    over = event.ends_at is not None and event.ends_at <= now
    return over and event.status in HELD and event.mode is not Mode.IN_PERSON


def _recordings(connection: Connection, event_id: str) -> list[Resource]:
    wanted = ResourceFilter(published_only=False, event=event_id, kind=ResourceKind.RECORDING, limit=MAX_RECORDINGS)
    return select_resources(connection, wanted)


def list_missing_travellers(work: UnitOfWork, event_id: str | None, after: str | None, limit: int) -> list[Traveller]:
    """At most ``limit`` travellers who are not at ``event_id`` (None: at the event their own form names).

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return select_missing_travellers(connection, event_id, after or FIRST_ID, limit)


def count_travellers(work: UnitOfWork) -> int:
    """Distinct people with a live registration for the delegation.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return traveller_count(connection, internal=False)


def list_delegation_forms(work: UnitOfWork) -> list[Form]:
    """The forms by which travellers register.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return forms_of_kind(connection, DELEGATION)


def month_of(now: datetime) -> datetime:
    """The start of the month of ``now`` (aware), in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _groups(connection: Connection, event_ids: Sequence[str], now: datetime, *, internal: bool) -> list[GroupLine]:
    since = month_of(now)
    members, last = memberships(connection, since, internal=internal), last_mails(connection)
    noted = last_contacts(connection, now.astimezone(UTC).date())
    represented, none = representatives_by_group(connection, event_ids), Membership()
    return [
        GroupLine(
            group.id,
            str(group.title),
            members.get(group.id, none).members,
            members.get(group.id, none).without_mail,
            represented.get(group.id, {}),
            last.get(group.id),
            mailed := group.id in last and last[group.id] >= since,
            noted.get(group.id),
            mailed or noted.get(group.id, date.min) >= since.date(),
        )
        for group in all_working_groups(connection)
        if group.active
    ]


def show_missing(work: UnitOfWork) -> Mapping[str, Mapping[str, int]]:
    """How many events, series, working groups, rooms and resources lack each language, by language and kind.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return count_missing(connection)


def list_missing(work: UnitOfWork, language: str, after: tuple[str, str], limit: int) -> list[Untranslated]:
    """Return records that lack ``language`` in title or summary.

    Args:
        work: the unit of work on the database of events.
        language: one of ``LANGUAGES``.
        after: kind and id before the first; empty ones for the first page.
        limit: most that are returned.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return missing_texts(connection, language, after, limit)


@dataclass(frozen=True, slots=True)
class EventsPersonExport:
    """Attributes:
    tables: rows by table.
    speakers: their names by proposal.
    """

    tables: dict[str, list[dict[str, Any]]]
    speakers: dict[str, Any]


def export_person(work: UnitOfWork, keys: ProposalKeys, person_refs: Sequence[str]) -> EventsPersonExport:
    """Return everything stored about a person; empty tables if there is nothing.

    Args:
        work: the unit of work on the service's database.
        keys: the keys of proposals.
        person_refs: the references by which registration knows the person, 64 hex digits each.
    """
    with work.transaction() as connection:
        tables = export_rows(connection, PERSONAL_TABLES, {"refs": [bytes.fromhex(ref) for ref in person_refs]})
        ids = [row["id"] for row in tables["proposal"]]
        found = [proposal for proposal_id in ids if (proposal := read_proposal(connection, proposal_id)) is not None]
    return EventsPersonExport(tables, {proposal.id: _speakers(keys, proposal) for proposal in found})


def _speakers(keys: ProposalKeys, proposal: Proposal) -> dict[str, Any]:
    suggested = proposal.suggestion.speaker_names if proposal.suggestion else None
    try:
        named = {
            "speakers": [*keys.names(proposal.speaker_names, proposal.id).values()],
            "suggested_speakers": [*keys.names(suggested, proposal.id).values()],
        }
    except Unsealable:
        return {"not_opened": "no key opens it"}
    return named
