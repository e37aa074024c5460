"""The filters of a segment, and the names of its slugs: statements and use cases."""

# ruff: noqa: S608 - our constants, all values are parameters

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.notifications.bulletins.store import last_zone
from services.notifications.recipients.model import Segment
from services.notifications.rules.store import english_title, zones_of
from shared.db.unit_of_work import UnitOfWork
from shared.vocabulary.form_kinds import PROPOSAL

_EVENTS = text(f"SELECT id, {english_title()} FROM event_copy ORDER BY 2, 1")
_GROUPS = text(f"SELECT id, {english_title()} FROM working_group_copy ORDER BY 2, 1")
_PARTNERS = text("SELECT id, content ->> 'name' FROM partner_copy")
_USED = text("""
    SELECT 'form', form FROM recipient WHERE about = 'registration'
    UNION SELECT 'partner', partner FROM recipient WHERE partner IS NOT NULL
    UNION SELECT 'country', country FROM recipient WHERE country IS NOT NULL
    UNION SELECT 'tag', unnest(tags) FROM recipient_tags
    UNION SELECT 'language', language FROM recipient WHERE about = 'registration' AND language IS NOT NULL
    ORDER BY 1, 2
""")
_EVENT_TITLES = text(f"SELECT id, {english_title()} FROM event_copy WHERE id = ANY(:slugs)")
_GROUP_TITLES = text(f"SELECT id, {english_title()} FROM working_group_copy WHERE id = ANY(:slugs)")
_FORMS = text(f"""
    SELECT f.form, r.form_kind, {english_title("e.content")} FROM unnest(CAST(:forms AS text[])) AS f (form),
        LATERAL (SELECT form_kind, CASE WHEN form_kind <> '{PROPOSAL}' THEN event END AS event
            FROM recipient WHERE form = f.form LIMIT 1) r
        LEFT JOIN event_copy e ON e.id = r.event
    ORDER BY f.form
""")


@dataclass(frozen=True, slots=True)
class SegmentChoices:
    """Ids and titles of events and working groups, and names of partners by slug; ``used``: forms, partners, countries,
    languages and tags that at least one recipient has.
    """

    events: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    partners: dict[str, str]
    used: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class FormName:
    """The name of a form: its kind and the title of its event, if there is a known one."""

    form: str
    kind: str
    event_title: str | None


def titles_of_events(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """Return titles of events by slug, without unknown ones."""
    return {row[0]: row[1] for row in connection.execute(_EVENT_TITLES, {"slugs": list(slugs)})}


def titles_of_groups(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """Return titles of working groups by slug, without unknown ones."""
    return {row[0]: row[1] for row in connection.execute(_GROUP_TITLES, {"slugs": list(slugs)})}


def names_of_partners(connection: Connection) -> dict[str, str]:
    """Return names of partners by slug."""
    return {row[0]: row[1] for row in connection.execute(_PARTNERS)}


def names_of_forms(connection: Connection, forms: Sequence[str]) -> list[FormName]:
    """Return the names of these forms, without forms that have no registrations."""
    return [FormName(*row) for row in connection.execute(_FORMS, {"forms": list(forms)})]


def list_choices(connection: Connection) -> SegmentChoices:
    """Return the choices for a segment."""
    used: dict[str, list[str]] = {name: [] for name in ("form", "partner", "country", "language", "tag")}
    for name, value in connection.execute(_USED):
        used[name].append(value)
    events, groups = connection.execute(_EVENTS), connection.execute(_GROUPS)
    partners = names_of_partners(connection)
    return SegmentChoices([(row[0], row[1]) for row in events], [(row[0], row[1]) for row in groups], partners, used)


def segment_choices(work: UnitOfWork) -> SegmentChoices:
    """Return the choices for a segment.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return list_choices(connection)


@dataclass(frozen=True, slots=True)
class SegmentNames:
    """Names of the slugs in a segment: titles by part and slug, and names of forms by slug."""

    titles: Mapping[str, Mapping[str, str]]
    forms: Mapping[str, FormName]


def segment_names(work: UnitOfWork, segment: Segment) -> SegmentNames:
    """Return the names of the slugs in ``segment``.

    Raises:
        Unavailable: the database is down.
    """
    events, groups = (_slugs(segment, *parts) for parts in (("event", "not_registered_for"), ("working_group",)))
    with work.transaction() as connection:
        event_titles, group_titles = titles_of_events(connection, events), titles_of_groups(connection, groups)
        forms = names_of_forms(connection, _slugs(segment, "form", "not_registered_for"))
        partners = names_of_partners(connection) if "partner" in segment else {}
    titles = {"event": event_titles, "not_registered_for": event_titles, "working_group": group_titles}
    titles["partner"] = partners
    return SegmentNames(titles, {form.form: form for form in forms})


def default_zone(work: UnitOfWork, who: str, segment: Segment) -> str:
    """Return the default IANA zone for ``who``: the one chosen last, else that of the segment's events.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        last = last_zone(connection, who)
        zones = [last] if last else zones_of(connection, _slugs(segment, "event", "not_registered_for"))
    return zones[0] if len(zones) == 1 else "UTC"


def _slugs(segment: Segment, *parts: str) -> list[str]:
    values = (segment.get(part, ()) for part in parts)
    return [slug for value in values if not isinstance(value, bool) for slug in value]


def form_names(work: UnitOfWork, forms: Sequence[str]) -> list[FormName]:
    """Return the names of these forms.

    Raises:
        Unavailable: the database is down.
    """
    with work.transaction() as connection:
        return names_of_forms(connection, forms)
