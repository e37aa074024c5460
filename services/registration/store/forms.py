"""Forms, their seats and the partners that may show them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.domain.opening import Opening
from services.registration.domain.seats import Seats


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation whose pages embed forms.

    Attributes:
        origins: exactly the origins its pages have.
        theme: values for the look of the form in its pages.
    """

    slug: str
    name: str
    origins: tuple[str, ...]
    language: str
    theme: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class StoredForm:
    """A form with its event as last heard and its seats as they were a moment ago.

    Attributes:
        definition: the questions, as a plain mapping.
        partners: slugs of the partners that may show it.
        event_title, time_zone: of the event; None while nothing was heard of it.
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
    seats: Seats
    event_title: str | None
    time_zone: str | None
    starts_at: datetime | None
    event_status: str | None

    @property
    def opening(self) -> Opening:
        """What decides whether it is open."""
        return Opening(self.open, self.event_id is not None, self.event_status, self.starts_at)


_FORM = """
    SELECT f.slug, f.kind, f.event_id, f.definition, f.verification, f.waiting_list, f.partners,
        f.promotion_notice_minutes, f.open, f.revision, s.capacity, s.confirmed, s.waiting, s.last_position,
        e.title, e.time_zone, e.starts_at, e.status
    FROM form f JOIN seat s ON s.form = f.slug LEFT JOIN event_copy e ON e.id = f.event_id
"""
_ONE = text(_FORM + "WHERE f.slug = :slug")
_LOCK = text("SELECT 1 FROM seat WHERE form = :slug FOR UPDATE")
_ALL = text(_FORM + "ORDER BY f.slug")
_SAVE = text("""
    INSERT INTO form (slug, kind, event_id, definition, verification, waiting_list, partners,
        promotion_notice_minutes, open, revision)
    VALUES (:slug, :kind, :event_id, :definition, :verification, :waiting_list, :partners,
        :promotion_notice_minutes, true, 1)
    ON CONFLICT (slug) DO UPDATE SET kind = excluded.kind, event_id = excluded.event_id,
        definition = excluded.definition, verification = excluded.verification,
        waiting_list = excluded.waiting_list, partners = excluded.partners,
        promotion_notice_minutes = excluded.promotion_notice_minutes, revision = form.revision + 1
    WHERE (form.kind, form.event_id, form.definition, form.verification, form.waiting_list, form.partners,
        form.promotion_notice_minutes) IS DISTINCT FROM (excluded.kind, excluded.event_id, excluded.definition,
        excluded.verification, excluded.waiting_list, excluded.partners, excluded.promotion_notice_minutes)
""")
_SEAT = text("INSERT INTO seat (form, capacity) VALUES (:slug, :capacity) ON CONFLICT (form) DO NOTHING")
_SEATS = text("""
    UPDATE seat SET capacity = :capacity, confirmed = :confirmed, waiting = :waiting, last_position = :last_position
    WHERE form = :form
""")
_SWITCH = text("UPDATE form SET open = :open, revision = revision + 1 WHERE slug = :slug")
_TOUCH = text("UPDATE form SET revision = revision + 1 WHERE slug = :slug")
_SAVE_PARTNER = text("""
    INSERT INTO partner (slug, name, origins, language, theme) VALUES (:slug, :name, :origins, :language, :theme)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, origins = excluded.origins,
        language = excluded.language, theme = excluded.theme
""")
_PARTNERS = text("SELECT slug, name, origins, language, theme FROM partner WHERE slug = ANY(:slugs) ORDER BY slug")


def find_form(connection: Connection, slug: str) -> StoredForm | None:
    """The form, or None."""
    row = connection.execute(_ONE, {"slug": slug}).fetchone()
    return _to_form(row) if row else None


def lock_form(connection: Connection, slug: str) -> StoredForm | None:
    """The form with its seats locked until the transaction ends, or None. Every change of seats begins here.

    It is read by a statement of its own after the lock: one that waited would see the form as it was before.
    """
    connection.execute(_LOCK, {"slug": slug})
    return find_form(connection, slug)


def all_forms(connection: Connection) -> list[StoredForm]:
    """Every form, by slug."""
    return [_to_form(row) for row in connection.execute(_ALL)]


def save_form(connection: Connection, values: Mapping[str, Any], capacity: int | None) -> None:
    """Store a form; an equal one is left alone. ``capacity`` counts only when the form is new."""
    connection.execute(_SAVE, {**values, "definition": Jsonb(values["definition"])})
    connection.execute(_SEAT, {"slug": values["slug"], "capacity": capacity})


def save_seats(connection: Connection, form: str, seats: Seats) -> None:
    """Store the seats of a form that :func:`lock_form` has locked."""
    connection.execute(
        _SEATS,
        {
            "form": form,
            "capacity": seats.capacity,
            "confirmed": seats.confirmed,
            "waiting": seats.waiting,
            "last_position": seats.last_position,
        },
    )


def switch_form(connection: Connection, slug: str, *, to_open: bool) -> None:
    """Open or close a form."""
    connection.execute(_SWITCH, {"slug": slug, "open": to_open})


def touch_form(connection: Connection, slug: str) -> None:
    """Raise the revision: something a coordinator sees has changed."""
    connection.execute(_TOUCH, {"slug": slug})


def save_partner(connection: Connection, partner: Partner) -> None:
    """Store a partner."""
    values = {
        "slug": partner.slug,
        "name": partner.name,
        "origins": list(partner.origins),
        "language": partner.language,
        "theme": Jsonb(dict(partner.theme)),
    }
    connection.execute(_SAVE_PARTNER, values)


def find_partners(connection: Connection, slugs: Sequence[str]) -> list[Partner]:
    """The partners with these slugs."""
    rows = connection.execute(_PARTNERS, {"slugs": list(slugs)})
    return [Partner(row[0], row[1], tuple(row[2]), row[3], row[4]) for row in rows]


def _to_form(row: Any) -> StoredForm:
    values = list(row)
    values[6] = tuple(values[6])
    capacity, confirmed, waiting, last_position = values[10:14]
    values[10:14] = [Seats(capacity, confirmed, waiting, last_position, waiting_list=values[5])]
    return StoredForm(*values)
