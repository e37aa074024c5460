"""A form for each side event that has none: one act for all of them, shown first. Events are known from messages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, text

from services.registration.forms.drafts import DraftRefused, DraftsContext
from services.registration.forms.service import find_partners
from shared.i18n.languages import DEFAULT, Text
from shared.runtime.errors import DomainError

GUEST_LIST_HOURS = 48
"""How long before its start the guest list of a side event closes: the UN asks for the names then."""

TITLES = Text.of(
    {
        "en": "Register for {title}",
        "fr": "Inscription : {title}",
        "es": "Inscripción: {title}",
        "ar": "التسجيل في {title}",
        "ru": "Регистрация: {title}",
        "zh": "报名参加{title}",
    }
)
"""What a form is called, in each language that the title of its event has."""
MAX_TITLE = 300

MAX_EVENTS = 200
_WITHOUT_FORM = text("""
    SELECT id, title, starts_at, time_zone, city, place FROM public_event
    WHERE kind = 'side_event' AND status IN ('tentative', 'confirmed') AND starts_at > :now
        AND NOT EXISTS (SELECT FROM form WHERE event_id = public_event.id)
    ORDER BY starts_at, id LIMIT :limit
""")
_TAKEN = text("SELECT slug FROM form WHERE slug = :slug UNION ALL SELECT slug FROM form_draft WHERE slug = :slug")


@dataclass(frozen=True, slots=True)
class BareEvent:
    """A published future side event that no one can register for. ``starts_at`` is aware.

    ``taken`` is true if another form, or a draft, already has its name.
    """

    id: str
    title: Text
    starts_at: datetime
    time_zone: str
    city: str | None
    place: str | None
    taken: bool

    @property
    def closes_at(self) -> datetime:
        """When the guest list closes."""
        return self.starts_at - timedelta(hours=GUEST_LIST_HOURS)


@dataclass(frozen=True, slots=True)
class FormsWanted:
    """Forms to make: seats by event (None: no limit), and the partners whose pages may show all of them."""

    seats: Mapping[str, int | None]
    partners: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class FormMade:
    """What became of one event: its form, or why none was created (``problem``)."""

    event: BareEvent
    seats: int | None
    problem: str = ""


def events_without_form(context: DraftsContext) -> list[BareEvent]:
    """Upcoming published side events without a form, by start.

    Raises:
        Unavailable: the database is down.
    """
    with context.work.transaction() as connection:
        rows = connection.execute(_WITHOUT_FORM, {"now": context.clock(), "limit": MAX_EVENTS})
        found = [{**row._mapping, "title": Text.of(row.title)} for row in rows]
        return [BareEvent(**row, taken=_is_taken(connection, row["id"])) for row in found]


def preview_forms(context: DraftsContext, wanted: FormsWanted) -> list[FormMade]:
    """What ``make_forms`` would do now. Changes nothing.

    Raises:
        DomainError: ``unknown-partner``; ``not-found``, one is no side event without a form (any longer).
        Unavailable: the database is down.
    """
    _check_partners(context, wanted.partners)
    known, now = {event.id: event for event in events_without_form(context)}, context.clock()
    if gone := sorted(set(wanted.seats) - set(known)):
        raise DomainError("not-found", f"{', '.join(gone)[:300]}: not an upcoming side event without a form")
    chosen = [event for event in known.values() if event.id in wanted.seats]
    return [FormMade(event, wanted.seats[event.id], _problem_of(event, now)) for event in chosen]


def make_forms(context: DraftsContext, wanted: FormsWanted, by: str) -> list[FormMade]:
    """Make and publish a form for each event, one after the other; ``by`` is the name of a key.

    A form that cannot be made has its ``problem`` and does not prevent the others. A repeated call makes missing ones.

    Raises:
        DomainError: as for the preview.
        Unavailable: the database is down.
    """
    return [
        form if form.problem else _made(context, form, wanted.partners, by) for form in preview_forms(context, wanted)
    ]


def _made(context: DraftsContext, one: FormMade, partners: Sequence[str], by: str) -> FormMade:
    slug = one.event.id
    try:
        draft = context.start(slug, _content(one, partners), by)
    except DomainError as error:
        return FormMade(one.event, one.seats, error.detail or error.code)
    try:
        context.publish(slug, draft.revision, by)
    except DraftRefused as refused:
        return FormMade(one.event, one.seats, f"the draft waits: {'; '.join(refused.problems)}")
    return one


def _content(one: FormMade, partners: Sequence[str]) -> dict[str, Any]:
    """Return the form's description as in ``forms.yaml``."""
    return {
        "kind": "attendance",
        "event": one.event.id,
        "title": _called(one.event.title),
        "fields": "standard/attendance",
        "closes_hours_before": GUEST_LIST_HOURS,
        **({"capacity": one.seats} if one.seats is not None else {}),
        **({"partners": list(partners)} if partners else {}),
    }


def _called(title: Text) -> dict[str, str]:
    """The title of a form by language, after that of its event.

    English, which every form has, quotes the title in another language where the event has none in English.
    """
    titles = {DEFAULT: str(title), **title.as_mapping}
    return {code: TITLES.in_language(code).format(title=text)[:MAX_TITLE] for code, text in titles.items() if code}


def _problem_of(event: BareEvent, now: datetime) -> str:
    if event.taken:
        return "another form or draft already has its name: publish or discard that one"
    return "" if event.closes_at > now else "its guest list would already be closed"


def _is_taken(connection: Connection, slug: str) -> bool:
    return connection.execute(_TAKEN, {"slug": slug}).first() is not None


def _check_partners(context: DraftsContext, partners: Sequence[str]) -> None:
    with context.work.transaction() as connection:
        known = {partner.slug for partner in find_partners(connection, partners)}
    if unknown := sorted(set(partners) - known):
        raise DomainError("unknown-partner", f"there is no partner {', '.join(unknown)[:300]}")
