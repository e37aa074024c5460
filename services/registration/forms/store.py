"""Forms and their seats: the numbers of a form's row, what is reserved, and who is in line."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.model import FormFacts, FormSettings
from services.registration.forms.opening import Opening
from services.registration.forms.pools import Pools, Reservation, Traits, read_pools, reservations_to_json
from services.registration.forms.seats import InLine, Seats
from shared.i18n.languages import Text
from shared.vocabulary.promotion import IN_ORDER

SEAT_COLUMNS = """s.offered, s.passed, o.reservations, o.domain_percent,
        pool_counts(o.slug, o.reservations, o.domain_percent), o.promotion_mode, o.offer_hours"""
"""Of ``seat s`` and ``form o``, for :func:`read_seats`."""

SEATS_WIDTH = 12
"""Values of :func:`read_seats`."""

_POOLS = text("SELECT pool_counts(:slug, :reservations, CAST(:percent AS integer))")
_ENDED_POOLS = text("""
    SELECT slug FROM form WHERE reservations <> '[]' AND EXISTS (SELECT FROM jsonb_array_elements(reservations) AS one
        WHERE CAST(one->>'until' AS timestamptz) <= :now) ORDER BY slug
""")
_KEEP = text("UPDATE form SET reservations = :reservations, revision = revision + 1 WHERE slug = :slug")
_IN_LINE = """
    FROM registration WHERE form = :form AND status = 'waitlisted' AND offer_expires_at IS NULL AND NOT offer_passed
    ORDER BY received_at, submission
"""
_LINE = text("SELECT id::text, working_group, partner, representative, domain_ref" + _IN_LINE)
_FIRST_IN_LINE = text("SELECT id::text" + _IN_LINE + "LIMIT 1")


def read_seats(row: Sequence[Any]) -> Seats:
    """The seats of a row that has capacity, confirmed, waiting, last position, waiting list and ``SEAT_COLUMNS``."""
    offered, passed, reservations, domain_percent, counts, mode, offer_hours = row[5:]
    pools = read_pools(reservations, domain_percent, counts)
    capacity, confirmed, waiting, last_position, waiting_list = row[:5]
    return Seats(
        *(capacity, confirmed, waiting, last_position, waiting_list),
        offered=offered,
        passed=passed,
        pools=pools,
        mode=mode,
        offer_hours=offer_hours,
    )


def count_pools(
    connection: Connection, slug: str, reservations: Sequence[Reservation], domain_percent: int | None
) -> Pools:
    """How many seats each of these reservations would keep now; the form's seats are locked, or it is a preview."""
    stored = reservations_to_json(reservations)
    values = {"slug": slug, "reservations": Jsonb(stored), "percent": domain_percent}
    return read_pools(stored, domain_percent, connection.execute(_POOLS, values).scalar())


def save_reservations(connection: Connection, slug: str, reservations: Sequence[Reservation]) -> None:
    """Store what is reserved, and raise the revision of the form."""
    connection.execute(_KEEP, {"slug": slug, "reservations": Jsonb(reservations_to_json(reservations))})


def forms_with_ended_reservations(connection: Connection, now: datetime) -> list[str]:
    """Slugs of the forms on which the time of a reservation is over."""
    return list(connection.execute(_ENDED_POOLS, {"now": now}).scalars())


def first_in_line(connection: Connection, form: str) -> str | None:
    """The id of the registration that is next in line on a form; None if no one is."""
    found = connection.execute(_FIRST_IN_LINE, {"form": form}).scalar()
    return None if found is None else str(found)


def whole_line(connection: Connection, form: str) -> list[InLine]:
    """Everyone in line on a form, in order: without an offer, and without an expired or declined one."""
    return [
        InLine(row[0], Traits(row[1], row[2], row[3], bytes(row[4])))
        for row in connection.execute(_LINE, {"form": form})
    ]


@dataclass(frozen=True, slots=True)
class SeatWord:
    """What the public may know of a form's seats: ``open``, ``waiting-list`` or ``full``; never a number.

    ``full_options`` are the choices with a limit that have no place left, each ``field=value``. ``mode`` is one of
    ``PROMOTION_MODES``: pages state how those who wait get free seats.
    """

    word: str
    full_options: tuple[str, ...] = ()
    mode: str = IN_ORDER


SeatInfo = TypeVar("SeatInfo", Seats, SeatWord)


@dataclass(frozen=True, slots=True)
class FormRecord(Generic[SeatInfo]):
    """A form with its event as last published, and what the reader may know about its seats.

    Attributes:
        definition: the questions, as a plain mapping.
        partners: the slugs of the partners that may show it.
        closes_hours_before: how long before the start the guest list closes; 0 if it does not.
        attend: the slug of the event that everyone on this form should also attend.
        event_texts: the title of the event by language; None, as time_zone and city, while nothing was published about
            it.
        opens_at: the time at which a coordinator lets it open; None for no bound.
        closes_at: the time at which a coordinator lets it close; None for no bound.
        kept: the time after the last day until people are erased.
        people_per_address: the number of live registrations that one address may have.
        changes_until: the end of the time in which people may change their answers, if a coordinator has set it.
        controller: the controller of the data; None for that of the installation.
        contact: the contact for questions about the data; None for that of the installation.
        alarm_minutes: how long before the start people's calendars alert them; None leaves that to their calendars.
        join_minutes_before: the minutes before the start from which people with a seat can join online.
        open_until: ``start`` or ``end`` of the event; None for the rule of :class:`Opening`.
        mode: the mode of the event; None while nothing was published about it.
    """

    slug: str
    kind: str
    event_id: str | None
    definition: Mapping[str, Any]
    verification: str
    waiting_list: bool
    partners: tuple[str, ...]
    promotion_notice_minutes: int
    open: bool
    revision: int
    event_texts: Mapping[str, str] | None
    time_zone: str | None
    starts_at: datetime | None
    event_status: str | None
    ends_at: datetime | None
    closes_hours_before: int
    attend: str | None
    opens_at: datetime | None
    closes_at: datetime | None
    kept: timedelta
    city: str | None
    people_per_address: int
    controller: str | None
    contact: str | None
    changes_until: datetime | None
    alarm_minutes: int | None
    join_minutes_before: int
    open_until: str | None
    mode: str | None
    seats: SeatInfo

    @property
    def opening(self) -> Opening:
        """What decides whether it is open."""
        return Opening(
            switched_on=self.open,
            needs_event=self.event_id is not None,
            event_status=self.event_status,
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            kind=self.kind,
            closes_hours_before=self.closes_hours_before,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            own_changes_until=self.changes_until,
            open_until=self.open_until,
            mode=self.mode,
        )

    @property
    def title(self) -> str:
        """The title in English, or in another language if it has no English one."""
        by_language: Mapping[str, str] = self.definition["title"]
        return by_language.get("en") or by_language.get("") or next(iter(by_language.values()), self.slug)

    @property
    def event_title(self) -> str | None:
        """The event's title in English, or else in another language; None while nothing was published of it."""
        return None if self.event_texts is None else str(Text.of(self.event_texts))

    @property
    def facts(self) -> FormFacts:
        """The facts about it that are published to the other services."""
        return FormFacts(
            id=self.slug,
            revision=self.revision,
            kind=self.kind,
            event=self.event_id,
            title=self.definition["title"],
            open=self.open,
            opens_at=self.opens_at,
            closes_at=self.closes_at,
            closes_hours_before=self.closes_hours_before,
            alarm_minutes=self.alarm_minutes,
            open_until=self.open_until,
        )

    @property
    def notice(self) -> timedelta:
        """How long before the start the last of those who wait gets a seat."""
        return max(timedelta(minutes=self.promotion_notice_minutes), timedelta(hours=self.closes_hours_before))


StoredForm = FormRecord[Seats]
PublicForm = FormRecord[SeatWord]


def settings_of(form: StoredForm) -> FormSettings:
    """What coordinators have set of a form."""
    hours = (form.opens_at, form.closes_at, form.changes_until)
    seats = form.seats
    return FormSettings(
        seats.capacity,
        form.open,
        *hours,
        form.alarm_minutes,
        form.join_minutes_before,
        form.partners,
        seats.mode,
        seats.offer_hours,
        seats.pools.domain_percent,
        tuple(pool.reservation for pool in seats.pools.pools),
    )


_COLUMNS = """
    f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners, f.promotion_notice_minutes,
    f.open, f.revision, f.event_title, f.time_zone, f.starts_at, f.event_status, f.ends_at, f.closes_hours_before,
    f.attend, f.opens_at, f.closes_at, make_interval(days => f.person_days), f.city, f.people_per_address, f.controller,
    f.contact, f.changes_until, f.alarm_minutes, f.join_minutes_before, f.open_until, f.mode
"""
_FORM = f"""
    SELECT {_COLUMNS}, s.capacity, s.confirmed, s.waiting, s.last_position, f.waiting_list, {SEAT_COLUMNS}
    FROM public_form f JOIN seat s ON s.form = f.slug JOIN form o ON o.slug = f.slug
"""  # noqa: S608 - constants
_ONE = text(_FORM + "WHERE f.slug = :slug")
_FIRST = text("SELECT slug FROM public_form ORDER BY slug LIMIT 1")
_PUBLIC = text(f"""
    SELECT {_COLUMNS}, f.seat_word, f.full_options, f.promotion_mode FROM public_form f WHERE f.slug = :slug
""")  # noqa: S608 - constants
_LOCK = text("SELECT 1 FROM seat WHERE form = :slug FOR UPDATE")
_ALL = text(_FORM + "ORDER BY f.slug")
_LOADED = (
    "kind", "event_id", "definition", "verification", "waiting_list", "partners", "promotion_notice_minutes",
    "closes_hours_before", "attend", "keep_days", "person_days", "people_per_address", "controller", "contact",
    "open_until",
)  # fmt: skip
"""Columns that a file of forms sets; coordinators set the others, and ``alarm_minutes`` of an existing form."""
_SAVE = text(f"""
    INSERT INTO form (slug, {", ".join(_LOADED)}, alarm_minutes, join_minutes_before, open, revision)
    VALUES (:slug, {", ".join(f":{name}" for name in _LOADED)}, :alarm_minutes, :join_minutes_before, true, 1)
    ON CONFLICT (slug) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _LOADED)},
        revision = form.revision + 1
    WHERE ({", ".join(f"form.{name}" for name in _LOADED)})
        IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in _LOADED)})
""")  # noqa: S608 - constants
_SEAT = text("""
    INSERT INTO seat (form, capacity, word) VALUES (:slug, :capacity, :word) ON CONFLICT (form) DO NOTHING
""")
_SEATS = text("""
    UPDATE seat SET capacity = :capacity, confirmed = :confirmed, waiting = :waiting, last_position = :last_position,
        offered = :offered, passed = :passed, word = :word, options = option_counts(form)
    WHERE form = :form
""")
_REFRESH = text("""
    UPDATE seat SET word = :word, options = option_counts(form)
    WHERE form = :slug AND (word, options) IS DISTINCT FROM (:word, option_counts(form))
""")
_SET = text("""
    UPDATE form SET open = :open, opens_at = :opens_at, closes_at = :closes_at, changes_until = :changes_until,
        alarm_minutes = :alarm_minutes, join_minutes_before = :join_minutes_before, partners = :partners,
        promotion_mode = :promotion_mode, offer_hours = :offer_hours, domain_percent = :domain_percent,
        reservations = :reservations, revision = revision + 1
    WHERE slug = :slug
""")
_DESCRIPTION = text(f"""
    SELECT {", ".join(f"f.{name}" for name in _LOADED)}, s.capacity, f.alarm_minutes, f.join_minutes_before
    FROM form f JOIN seat s ON s.form = f.slug WHERE f.slug = :slug
""")  # noqa: S608 - constants
_HAS_PEOPLE = text("SELECT EXISTS (SELECT FROM registration WHERE form = :slug AND erased_at IS NULL)")
_FORGETS = text("SELECT keep_days IS NOT NULL FROM form WHERE slug = :slug")
_NAMED = text("SELECT slug FROM form WHERE slug = :name OR event_id = :name ORDER BY slug")


def find_form(connection: Connection, slug: str) -> StoredForm | None:
    """The form with its seats as they are now, or None."""
    row = connection.execute(_ONE, {"slug": slug}).fetchone()
    return _to_form(row) if row else None


def find_public_form(connection: Connection, slug: str) -> PublicForm | None:
    """The form as the public processes may read it, or None."""
    row = connection.execute(_PUBLIC, {"slug": slug}).fetchone()
    return None if row is None else FormRecord(*_form_values(row[:-3], SeatWord(row[-3], tuple(row[-2]), row[-1])))


def find_first_form(connection: Connection) -> str:
    """The slug of the first form of all; empty if there is none."""
    return str(connection.execute(_FIRST).scalar() or "")


def lock_seats(connection: Connection, slug: str) -> None:
    """Lock a form's seats until the transaction ends. Every change of seats begins here.

    Read the clock and the form afterwards: a statement that waited would see the form as it was before.
    """
    connection.execute(_LOCK, {"slug": slug})


def all_forms(connection: Connection) -> list[StoredForm]:
    """Every form, by slug, with its seats as they are now."""
    return [_to_form(row) for row in connection.execute(_ALL)]


def save_form(connection: Connection, values: Mapping[str, Any], capacity: int | None) -> None:
    """Store a form whose seats, unless it is new, :func:`lock_seats` has locked; an equal one is not stored again.

    ``capacity``, the alarm and ``join_minutes_before`` count only when it is new: coordinators set them afterwards.
    """
    connection.execute(_SAVE, {**values, "definition": Jsonb(values["definition"])})
    seats = Seats(capacity, 0, 0, 0, values["waiting_list"])
    connection.execute(_SEAT, {"slug": values["slug"], "capacity": capacity, "word": seats.word})
    if stored := find_form(connection, values["slug"]):  # its waiting list and its limits may be others now
        connection.execute(_REFRESH, {"slug": stored.slug, "word": stored.seats.word})


def save_seats(connection: Connection, form: str, seats: Seats) -> None:
    """Store the seats of a form that :func:`lock_seats` has locked, and the word that the public may know."""
    names = ("capacity", "confirmed", "waiting", "last_position", "offered", "passed", "word")
    connection.execute(_SEATS, {"form": form, **{name: getattr(seats, name) for name in names}})


def save_settings(connection: Connection, slug: str, settings: FormSettings) -> None:
    """Store what coordinators set, all but the seats, and raise the revision."""
    kept = Jsonb(reservations_to_json(settings.reservations))
    values = asdict(settings) | {"partners": list(settings.partners), "reservations": kept}
    del values["capacity"]
    connection.execute(_SET, {**values, "slug": slug})


def describe_form(connection: Connection, slug: str) -> dict[str, Any] | None:
    """A form as :class:`services.registration.forms.schemas.FormRowSchema` takes it; None if there is none."""
    row = connection.execute(_DESCRIPTION, {"slug": slug}).mappings().fetchone()
    if row is None:
        return None
    found = {name: value for name, value in row.items() if value not in (None, [], "")}
    definition, found["event"] = found.pop("definition"), found.pop("event_id", None)
    found |= {"slug": slug, "title": _plain_text(definition["title"]), "fields": definition["fields"]}
    if intro := _plain_text(definition.get("intro") or {}):
        found["intro"] = intro
    return {name: value for name, value in found.items() if value is not None}


def _plain_text(by_language: Mapping[str, str]) -> Mapping[str, str] | str:
    """A text that is the same in every language is that text."""
    return by_language[""] if set(by_language) == {""} else by_language


def has_people(connection: Connection, slug: str) -> bool:
    """Whether a person has registered on a form."""
    return bool(connection.execute(_HAS_PEOPLE, {"slug": slug}).scalar())


def forgets_registrations(connection: Connection, slug: str) -> bool:
    """Whether a form deletes cancelled registrations as a whole."""
    return bool(connection.execute(_FORGETS, {"slug": slug}).scalar())


def forms_named(connection: Connection, name: str) -> list[str]:
    """Slugs of the form called ``name`` and of those that belong to the event called so."""
    return [row[0] for row in connection.execute(_NAMED, {"name": name})]


def _to_form(row: Any) -> StoredForm:
    return FormRecord(*_form_values(row[:-SEATS_WIDTH], read_seats(row[-SEATS_WIDTH:])))


def _form_values(row: Sequence[Any], seats: Seats | SeatWord) -> list[Any]:
    return [*row[:6], tuple(row[6]), *row[7:], seats]
