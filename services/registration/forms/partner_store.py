"""Partners: organisations whose pages may show forms."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text


@dataclass(frozen=True, slots=True)
class Partner:
    """An organisation whose pages embed forms.

    Attributes:
        origins: exactly the origins its pages have.
        theme: values for the look of the form in its pages.
        requested_origins: that the partner has asked for, and no coordinator has decided on.
        revision: goes up with every change.
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
    """Store a partner as a file has it; an equal one is left alone."""
    connection.execute(_SAVE_PARTNER, _values(partner))


def add_partner(connection: Connection, partner: Partner) -> bool:
    """Store a new partner; False if there is one with its slug."""
    return connection.execute(_ADD_PARTNER, _values(partner)).rowcount == 1


def change_partner(connection: Connection, partner: Partner) -> bool:
    """Store ``partner`` over the one with its slug and revision, which goes up; False if there is none."""
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
