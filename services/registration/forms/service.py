"""Find forms, partners and working groups, with the service's own copies of what the events service publishes."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.registration.forms.opening import closed_reason
from services.registration.forms.store import StoredForm, all_forms, find_first_form, find_public_form
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Text
from shared.messaging.contracts.schemas import SLUG
from shared.runtime.errors import DomainError, Poison, Unavailable

MAX_ORIGINS = 20
"""Of a partner."""


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation whose pages embed forms.

    Attributes:
        origins: the exact origins of its pages.
        theme: the style values of the form in its pages.
        requested_origins: the origins that the partner has requested and that are not decided yet.
        revision: a number that increases with every change.
    """

    slug: str
    name: str
    origins: tuple[str, ...]
    language: str
    theme: Mapping[str, Any]
    requested_origins: tuple[str, ...] = ()
    revision: int = 1


_SAVE_PARTNER = text("""
    INSERT INTO partner (slug, name, origins, language, theme) VALUES (:slug, :name, :origins, :language, :theme)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, origins = excluded.origins,
        language = excluded.language, theme = excluded.theme, revision = partner.revision + 1,
        requested_origins = ARRAY(SELECT unnest(partner.requested_origins) EXCEPT SELECT unnest(excluded.origins))
    WHERE (partner.name, partner.origins, partner.language, partner.theme)
        IS DISTINCT FROM (excluded.name, excluded.origins, excluded.language, excluded.theme)
""")
_ADD_PARTNER = text("""
    INSERT INTO partner (slug, name, origins, language, theme) VALUES (:slug, :name, :origins, :language, :theme)
    ON CONFLICT (slug) DO NOTHING
""")
_CHANGE_PARTNER = text("""
    UPDATE partner SET name = :name, origins = :origins, language = :language, theme = :theme,
        requested_origins = :requested_origins, revision = revision + 1
    WHERE slug = :slug AND revision = :revision
""")
_PARTNER = "SELECT slug, name, origins, language, theme, requested_origins, revision FROM partner p"
_PARTNERS = text(f"{_PARTNER} WHERE slug = ANY(:slugs) ORDER BY slug")
_ALL_PARTNERS = text(f"{_PARTNER} ORDER BY slug")
_PARTNERS_OF = text(f"""
    {_PARTNER} WHERE EXISTS (SELECT 1 FROM form f WHERE f.slug = ANY(:forms) AND p.slug = ANY(f.partners)) ORDER BY slug
""")  # noqa: S608 - constants


def save_partner(connection: Connection, partner: Partner) -> None:
    """Store a partner as a file has it; an equal one is not stored again."""
    connection.execute(_SAVE_PARTNER, _values(partner))


def add_partner(connection: Connection, partner: Partner) -> bool:
    """Store a new partner; False if there is one with its slug."""
    return connection.execute(_ADD_PARTNER, _values(partner)).rowcount == 1


def change_partner(connection: Connection, partner: Partner) -> bool:
    """Store ``partner`` in place of the one with its slug and revision, and increase the revision.

    False if there is none.
    """
    requested = list(partner.requested_origins)
    values = {**_values(partner), "requested_origins": requested, "revision": partner.revision}
    return connection.execute(_CHANGE_PARTNER, values).rowcount == 1


def _values(partner: Partner) -> dict[str, Any]:
    return {
        "slug": partner.slug,
        "name": partner.name,
        "origins": list(partner.origins),
        "language": partner.language,
        "theme": Jsonb(dict(partner.theme)),
    }


def find_partners(connection: Connection, slugs: Sequence[str]) -> list[Partner]:
    """The partners with these slugs."""
    return _to_partners(connection.execute(_PARTNERS, {"slugs": list(slugs)}))


def all_partners(connection: Connection) -> list[Partner]:
    """Every partner, by slug."""
    return _to_partners(connection.execute(_ALL_PARTNERS))


def partners_of(connection: Connection, forms: Sequence[str]) -> list[Partner]:
    """The partners that may show one of ``forms``, by slug."""
    return _to_partners(connection.execute(_PARTNERS_OF, {"forms": list(forms)}))


def _to_partners(rows: Iterable[Any]) -> list[Partner]:
    return [
        Partner(slug, name, tuple(origins), language, theme, tuple(requested), revision)
        for slug, name, origins, language, theme, requested, revision in rows
    ]


_EVENT = text("""
    INSERT INTO event_copy (id, revision, kind, title, summary, starts_at, ends_at, time_zone, status, mode, city,
        place, join_url)
    VALUES (:id, :revision, :kind, :title, :summary, :starts_at, :ends_at, :time_zone, :status, :mode, :city, :place,
        :join_url)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, kind = excluded.kind, title = excluded.title,
        summary = excluded.summary, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
        time_zone = excluded.time_zone, status = excluded.status, mode = excluded.mode, city = excluded.city,
        place = excluded.place, join_url = excluded.join_url
    WHERE event_copy.revision < excluded.revision
""")
_GROUP = text("""
    INSERT INTO working_group_copy (id, revision, title, active) VALUES (:id, :revision, :title, :active)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, title = excluded.title, active = excluded.active
    WHERE working_group_copy.revision < excluded.revision
""")
_RESOURCE = text("""
    INSERT INTO resource_copy (id, revision, event_id, kind, title, url, language, published)
    VALUES (:id, :revision, :event, :kind, :title, :url, :language, :published)
    ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, event_id = excluded.event_id, kind = excluded.kind,
        title = excluded.title, url = excluded.url, language = excluded.language, published = excluded.published
    WHERE resource_copy.revision < excluded.revision
""")
_RESOURCES = text("""
    SELECT kind, title, url, language FROM resource_copy WHERE event_id = :event AND published
    ORDER BY array_position(ARRAY['recording', 'slides', 'brief'], kind), language, title ->> 'en', id
""")
_GROUPS = text("SELECT id, title, active FROM working_group_copy ORDER BY title ->> 'en', id")
_PUBLIC_EVENT = text("""
    SELECT id, revision, title, summary, starts_at, ends_at, time_zone, status, mode, city, place FROM public_event
    WHERE id = :id
""")


@dataclass(frozen=True, slots=True)
class PublicEvent:
    """An event as last published, without its meeting link. Instants are aware, None without a date."""

    id: str
    revision: int
    title: Text
    summary: Text
    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    status: str
    mode: str
    city: str | None
    place: str | None


@dataclass(frozen=True, slots=True)
class PublishedResource:
    """A recording, slides or a brief that anyone may see; ``url`` begins with ``https://``."""

    kind: Literal["recording", "slides", "brief"]
    title: Text
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class GroupCopy:
    """A working group; forms do not offer one that is not active."""

    slug: str
    title: Text
    active: bool


def upsert_event(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store an event as it was published, unless a newer state of it is here already."""
    connection.execute(_EVENT, _row(content))


def upsert_working_group(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a working group as it was published, unless a newer state of it is here already."""
    connection.execute(_GROUP, _row(content))


def upsert_resource(connection: Connection, content: Mapping[str, Any]) -> None:
    """Store a resource as it was published or hidden, unless the same or a newer revision of it is stored.

    Raises:
        Poison: its address is not one of https, so it is shown to no one.
    """
    if not content["url"].startswith("https://"):
        raise Poison("a resource whose address is not https")
    connection.execute(_RESOURCE, _row(content))


def resources_of(connection: Connection, event_id: str) -> list[PublishedResource]:
    """Return what is published about an event: recordings, then slides, then briefs."""
    found = connection.execute(_RESOURCES, {"event": event_id})
    return [PublishedResource(row.kind, Text.of(row.title), row.url, row.language) for row in found]


def working_groups(connection: Connection) -> list[tuple[str, Text]]:
    """(slug, title) of every working group, closed ones too, by its title in English."""
    return [(group.slug, group.title) for group in group_copies(connection)]


def group_copies(connection: Connection) -> list[GroupCopy]:
    """Every working group, closed ones too, by its title in English."""
    return [GroupCopy(row[0], Text.of(row[1]), row[2]) for row in connection.execute(_GROUPS)]


def find_public_event(connection: Connection, event_id: str) -> PublicEvent | None:
    """Return an event as the public processes may read it, or None."""
    row = connection.execute(_PUBLIC_EVENT, {"id": event_id}).fetchone()
    if row is None:
        return None
    texts = {"title": Text.of(row.title), "summary": Text.of(row.summary)}
    return PublicEvent(**{**row._mapping, **texts})


def _row(content: Mapping[str, Any]) -> dict[str, Any]:
    return {name: Jsonb(value.as_mapping) if isinstance(value, Text) else value for name, value in content.items()}


def every_origin(work: UnitOfWork) -> tuple[str, ...]:
    """Origins of all partners; none while the database is down."""
    try:
        with work.transaction() as connection:
            return tuple(origin for partner in all_partners(connection) for origin in partner.origins)
    except Unavailable:
        return ()


def check_slug(slug: str) -> None:
    """Refuse an invalid slug before querying the database.

    Raises:
        DomainError: ``form-unknown``.
    """
    if not re.fullmatch(SLUG, slug):
        raise DomainError("form-unknown")


def may_take_submissions(connection: Connection, slug: str, at: datetime) -> bool:
    """Return whether a form is open, or closed only until a future time, or until its event has a date again."""
    form = find_public_form(connection, slug)
    return form is not None and closed_reason(form.opening, at) in ("", "not-open", "postponed")


def first_form(work: UnitOfWork) -> str:
    """The slug of the first form; empty if there are no forms."""
    with work.transaction() as connection:
        return find_first_form(connection)


def find_partner(work: UnitOfWork, slug: str) -> Partner | None:
    """Return the partner called ``slug``, also if it may show no form."""
    if not re.fullmatch(SLUG, slug):
        return None
    with work.transaction() as connection:
        return next(iter(find_partners(connection, [slug])), None)


def list_forms(work: UnitOfWork) -> list[StoredForm]:
    """Every form, for coordinators."""
    with work.transaction() as connection:
        return all_forms(connection)


def working_group_titles(work: UnitOfWork) -> dict[str, str]:
    """Title of each working group, in English, by its slug."""
    with work.transaction() as connection:
        return {slug: str(title) for slug, title in working_groups(connection)}


def working_group_texts(work: UnitOfWork) -> list[tuple[str, Text]]:
    """(slug, title) of each working group that forms offer."""
    with work.transaction() as connection:
        return [(group.slug, group.title) for group in group_copies(connection) if group.active]


def list_partners(work: UnitOfWork, forms: frozenset[str] | None) -> list[Partner]:
    """Every partner that shows one of ``forms``, by slug; all of them for None."""
    with work.transaction() as connection:
        return all_partners(connection) if forms is None else partners_of(connection, sorted(forms))
