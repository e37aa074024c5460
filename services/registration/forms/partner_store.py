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
    """

    slug: str
    name: str
    origins: tuple[str, ...]
    language: str
    theme: Mapping[str, Any]


_SAVE_PARTNER = text("""
    INSERT INTO partner (slug, name, origins, language, theme) VALUES (:slug, :name, :origins, :language, :theme)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, origins = excluded.origins,
        language = excluded.language, theme = excluded.theme
""")
_PARTNER = "SELECT slug, name, origins, language, theme FROM partner p"
_PARTNERS = text(f"{_PARTNER} WHERE slug = ANY(:slugs) ORDER BY slug")
_ALL_PARTNERS = text(f"{_PARTNER} ORDER BY slug")
_PARTNERS_OF = text(f"""
    {_PARTNER} WHERE EXISTS (SELECT 1 FROM form f WHERE f.slug = ANY(:forms) AND p.slug = ANY(f.partners)) ORDER BY slug
""")  # noqa: S608 - constants


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
    return _to_partners(connection.execute(_PARTNERS, {"slugs": list(slugs)}))


def all_partners(connection: Connection) -> list[Partner]:
    """Every partner, by slug."""
    return _to_partners(connection.execute(_ALL_PARTNERS))


def partners_of(connection: Connection, forms: Sequence[str]) -> list[Partner]:
    """The partners that may show one of ``forms``, by slug."""
    return _to_partners(connection.execute(_PARTNERS_OF, {"forms": list(forms)}))


def _to_partners(rows: Iterable[Any]) -> list[Partner]:
    return [Partner(slug, name, tuple(origins), language, theme) for slug, name, origins, language, theme in rows]
