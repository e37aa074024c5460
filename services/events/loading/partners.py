"""Reads ``partners.yaml``, which the registration service reads as well. A folder may lack it."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from services.events.domain.partner import Partner
from services.events.domain.rules import slug_rule
from services.events.loading.checks import check_unique
from shared.core.errors import SettingsError
from shared.core.yaml_source import Fields, read_yaml, text
from shared.public_forms.partner_values import origin, page_language, theme_values

FILE = "partners.yaml"


def read_partners(folder: Path, origins: Mapping[str, str] | None = None) -> tuple[Partner, ...]:
    """The partners in ``partners.yaml``; none if there is no such file.

    Args:
        origins: by partner, in place of those in the file (for an installation that stands elsewhere).

    Raises:
        SettingsError: with every fault, ``partners.yaml:3: origins: …``.
    """
    path = folder / FILE
    if not path.exists():
        return ()
    faults: list[str] = []
    node = read_yaml(path, list)
    rows = [Fields(node.child(index), faults) for index in range(len(node.data))]
    partners = [_partner(row) for row in rows]
    check_unique(rows, "slug")
    moved = {slug: _moved(slug, value, faults) for slug, value in (origins or {}).items()}
    if faults:
        raise SettingsError(faults)
    return tuple(replace(one, origins=moved.get(one.slug, one.origins)) for one in partners)


def _partner(row: Fields) -> Partner:
    partner = Partner(
        slug=row.required("slug", _slug, "stand-in"),
        name=row.required("name", text(), "stand-in"),
        origins=row.each("origins", origin),
        language=row.optional("language", page_language, "en"),
        theme=row.optional("theme", theme_values, {}),
    )
    row.finish()
    return partner


def _moved(slug: str, value: str, faults: list[str]) -> tuple[str, ...]:
    try:
        return (origin(value),)
    except ValueError as error:
        faults.append(f"--origin: {slug}: {error}")
        return ()


def _slug(value: object) -> str:
    if not isinstance(value, str) or slug_rule("slug", value) is not None:
        raise ValueError("lower-case letters, digits and single hyphens are required")
    return value
