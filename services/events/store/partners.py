"""The table of partners: whose pages may show the proposal form."""

from psycopg.types.json import Jsonb
from sqlalchemy import Connection, text

from services.events.domain.partner import Partner

_SAVE = text("""
    INSERT INTO partner (slug, name, origins, language, theme) VALUES (:slug, :name, :origins, :language, :theme)
    ON CONFLICT (slug) DO UPDATE SET name = excluded.name, origins = excluded.origins, language = excluded.language,
        theme = excluded.theme
""")
_FIND = text("SELECT slug, name, origins, language, theme FROM partner WHERE slug = :slug")


def save(connection: Connection, partner: Partner) -> None:
    """Store ``partner`` in place of what was stored under its slug."""
    row = {"slug": partner.slug, "name": partner.name, "language": partner.language}
    connection.execute(_SAVE, row | {"origins": list(partner.origins), "theme": Jsonb(dict(partner.theme))})


def find(connection: Connection, slug: str) -> Partner | None:
    """The partner with this slug."""
    row = connection.execute(_FIND, {"slug": slug}).first()
    return None if row is None else Partner(row.slug, row.name, tuple(row.origins), row.language, row.theme)
