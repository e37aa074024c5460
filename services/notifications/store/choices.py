"""What there is to choose from and what it is called, and how many mails are in which state."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from services.notifications.store.events import english_title

# ruff: noqa: S608 - constants of ours, all values are parameters
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
        LATERAL (SELECT form_kind, CASE WHEN form_kind <> 'proposal' THEN event END AS event
            FROM recipient WHERE form = f.form LIMIT 1) r
        LEFT JOIN event_copy e ON e.id = r.event
    ORDER BY f.form
""")
_COUNTS = text("SELECT kind, state, count(*) FROM mail GROUP BY kind, state ORDER BY kind")


@dataclass(frozen=True, slots=True)
class Choices:
    """Ids and titles of events and working groups, and names of partners by slug; ``used``: forms, partners, countries,
    languages and tags that at least one recipient has.
    """

    events: list[tuple[str, str]]
    groups: list[tuple[str, str]]
    partners: dict[str, str]
    used: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class FormName:
    """By what people know a form: its kind and the title of its event, if it has one that is known."""

    form: str
    kind: str
    event_title: str | None


def titles_of_events(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """Titles of events by slug; what is not known is not in it."""
    return {row[0]: row[1] for row in connection.execute(_EVENT_TITLES, {"slugs": list(slugs)})}


def titles_of_groups(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """Titles of working groups by slug; what is not known is not in it."""
    return {row[0]: row[1] for row in connection.execute(_GROUP_TITLES, {"slugs": list(slugs)})}


def names_of_partners(connection: Connection) -> dict[str, str]:
    """Names of partners by slug, without unknown ones."""
    return {row[0]: row[1] for row in connection.execute(_PARTNERS)}


def names_of_forms(connection: Connection, forms: Sequence[str]) -> list[FormName]:
    """By what people know these forms; those on which nobody is registered are left out."""
    return [FormName(*row) for row in connection.execute(_FORMS, {"forms": list(forms)})]


def choices(connection: Connection) -> Choices:
    """What a segment can be made of."""
    used: dict[str, list[str]] = {name: [] for name in ("form", "partner", "country", "language", "tag")}
    for name, value in connection.execute(_USED):
        used[name].append(value)
    events, groups = connection.execute(_EVENTS), connection.execute(_GROUPS)
    partners = names_of_partners(connection)
    return Choices([(row[0], row[1]) for row in events], [(row[0], row[1]) for row in groups], partners, used)


def count_mails(connection: Connection) -> list[tuple[str, str, int]]:
    """Kind, state and number of mails."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_COUNTS)]
