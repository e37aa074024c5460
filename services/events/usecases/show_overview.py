"""The overview: every number that coordinators ask for, from the read side alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from services.events.domain.event import Event, EventStatus, Mode
from services.events.domain.form import Form
from services.events.domain.network import Consultation, HostKind
from services.events.domain.resource import Resource, ResourceKind
from services.events.store import contacts, events, forms, network, overview, resources, tallies
from services.events.store.counts import Counts, counts_of
from services.events.store.events import Audience, EventFilter
from services.events.store.overview import Membership, Missing, Traveller
from services.events.store.resources import ResourceFilter
from services.events.store.roster import FIRST
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork

MOST_EVENTS = 200
DELEGATION = "delegation"
MOST_HELD = 20
MOST_RECORDINGS = 20
HELD = frozenset({EventStatus.CONFIRMED, EventStatus.HELD})
RECENT = timedelta(days=60)
"""How long after its end an event is missed a recording."""


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
class ConsultationTotal:
    """What the consultations with one kind of host came to."""

    host_kind: HostKind
    hosts: int
    presentations: int


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event that is not over, with its registrations."""

    event: Event
    counts: Counts


@dataclass(frozen=True, slots=True)
class Unrecorded:
    """An event that was held lately and has no published recording; ``hidden`` is the id of one that is not."""

    event: Event
    hidden: str | None


@dataclass(frozen=True, slots=True)
class Overview:
    """All numbers at one moment.

    Attributes:
        events: that are not over, at most ``MOST_EVENTS`` by start.
        by_form_kind, by_partner, by_country, by_day: live registrations; a day is that of registering, in UTC.
        travellers: distinct people on the delegation's form.
        missing: of them, those who are not where they should be, by event.
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
        work: on the database of events.
        clock: tells what is over, and which month it is, in UTC.
        travellers_not_in: the event at which travellers are missed; None: the one that their own form names.
        internal: the numbers of internal events and their registrations instead of all others.

    Raises:
        Unavailable: the database is away.
    """
    now = clock()
    with work.transaction() as connection:
        wanted = EventFilter(audience=Audience.COORDINATORS, internal=internal, not_over_at=now, limit=MOST_EVENTS)
        ahead = events.select(connection, wanted)
        counts = counts_of(connection, [event.id for event in ahead])
        return Overview(
            events=[EventLine(event, counts[event.id]) for event in ahead],
            by_form_kind=tallies.by(connection, "form_kind", internal=internal),
            by_partner=tallies.by(connection, "partner", internal=internal),
            by_country=tallies.by(connection, "country", internal=internal),
            by_day=tallies.by(connection, "day", internal=internal),
            travellers=overview.travellers(connection, internal=internal),
            missing=overview.missing_travellers(connection, travellers_not_in, internal=internal),
            groups=_groups(connection, [event.id for event in ahead], now, internal=internal),
            consultations=list(consultation_totals(network.all_consultations(connection))),
        )


def list_unrecorded(work: UnitOfWork, clock: Clock) -> list[Unrecorded]:
    """What people attended online in the last 60 days and cannot see again, of the last twenty; the latest first.

    Raises:
        Unavailable: the database is away.
    """
    now = clock()
    lately = EventFilter(audience=Audience.COORDINATORS, on_from=now - RECENT, on_until=now, limit=MOST_EVENTS)
    with work.transaction() as connection:
        held = [one for one in events.select(connection, lately) if _was_online(one, now)][-MOST_HELD:]
        recordings = {one.id: _recordings(connection, one.id) for one in held}
    unrecorded = [one for one in held if not any(found.published for found in recordings[one.id])]
    return [Unrecorded(one, next((found.id for found in recordings[one.id]), None)) for one in reversed(unrecorded)]


def _was_online(event: Event, now: datetime) -> bool:
    over = event.ends_at is not None and event.ends_at <= now
    return over and event.status in HELD and event.mode is not Mode.IN_PERSON


def _recordings(connection: Connection, event_id: str) -> list[Resource]:
    wanted = ResourceFilter(published_only=False, event=event_id, kind=ResourceKind.RECORDING, limit=MOST_RECORDINGS)
    return resources.select(connection, wanted)


def list_missing_travellers(
    work: UnitOfWork, event_id: str | None, after: str | None = None, limit: int = 50
) -> list[Traveller]:
    """At most ``limit`` travellers who are not at ``event_id`` (None: at the event their own form names).

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return overview.who_is_missing(connection, event_id, after or FIRST, limit)


def count_travellers(work: UnitOfWork) -> int:
    """Distinct people with a live registration for the delegation.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return overview.travellers(connection, internal=False)


def list_delegation_forms(work: UnitOfWork) -> list[Form]:
    """The forms by which travellers register.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return forms.forms_of_kind(connection, DELEGATION)


def month_of(now: datetime) -> datetime:
    """The first moment of the month of ``now`` (aware), in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def consultation_totals(consultations: Iterable[Consultation]) -> Iterable[ConsultationTotal]:
    """How many hosts and presentations there were, for each kind of host that had any.

    A host that is named counts once, however often it was visited.
    """
    rounds = list(consultations)
    for kind in HostKind:
        of_kind = [one for one in rounds if one.host_kind is kind]
        if of_kind:
            named = {(one.host, one.city) for one in of_kind if one.host is not None}
            hosts = len(named) + sum(one.hosts for one in of_kind if one.host is None)
            yield ConsultationTotal(kind, hosts, sum(one.presentations for one in of_kind))


def _groups(connection: Connection, event_ids: Sequence[str], now: datetime, *, internal: bool) -> list[GroupLine]:
    since = month_of(now)
    members, last = overview.memberships(connection, since, internal=internal), contacts.last_mails(connection)
    noted = network.last_contacts(connection, now.astimezone(UTC).date())
    represented, nobody = overview.representatives(connection, event_ids), Membership()
    return [
        GroupLine(
            group.id,
            str(group.title),
            members.get(group.id, nobody).members,
            members.get(group.id, nobody).without_mail,
            represented.get(group.id, {}),
            last.get(group.id),
            mailed := group.id in last and last[group.id] >= since,
            noted.get(group.id),
            mailed or noted.get(group.id, date.min) >= since.date(),
        )
        for group in network.all_working_groups(connection)
        if group.active
    ]
