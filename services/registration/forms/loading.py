"""Load forms and partners from a folder of samples. A broken folder changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from services.registration.forms.description import read_form, read_slug
from services.registration.forms.messages import form_message, partner_message
from services.registration.forms.partner_store import Partner, find_partners, save_partner
from services.registration.forms.store import find_form, save_form
from services.registration.sealing.form_keys import FormKeys
from services.registration.sealing.key_service import make_keys, publish_keys
from shared.core.clock import Clock, system_clock
from shared.core.errors import SettingsError
from shared.core.yaml_source import Fields, Node, read_yaml, text
from shared.public_forms.partner_values import origin, page_language, theme_values
from shared.store import outbox
from shared.store.unit_of_work import UnitOfWork


def load_forms(
    work: UnitOfWork,
    keys: FormKeys,
    folder: Path,
    origins: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
    *,
    days_later: int = 0,
) -> tuple[int, int]:
    """Store every form and partner of ``folder`` in one transaction; capacities and alarms of known forms stay.

    The events service gets the state of each form and partner of the folder, also of those that did not change: loading
    the folder again brings a service up to date that has lost it.

    Args:
        work: on the service's database.
        keys: of forms; a new form gets its key pair there, and its public key is stored with it.
        folder: with ``forms.yaml`` and ``partners.yaml``.
        origins: by partner, in place of those in the folder (for an installation that stands elsewhere).
        clock: tells since when the forms are so.
        days_later: by how many days the days of the folder are moved, for a demonstration that is not of today.

    Returns:
        how many forms and partners the folder holds.

    Raises:
        SettingsError: lists every fault with file, line and field, or the forms whose private key is missing; nothing
            was changed.
    """
    faults: list[str] = []
    partners = [_partner(fields) for fields in _rows(folder / "partners.yaml", faults)]
    known = {partner.slug for partner in partners}
    forms = [read_form(fields, known, days_later) for fields in _rows(folder / "forms.yaml", faults)]
    if faults:
        raise SettingsError(faults)
    slugs = [form.slug for form in forms]
    make_keys(work, keys, slugs)
    with work.transaction() as connection:
        for partner in partners:
            moved = (origins or {}).get(partner.slug)
            save_partner(connection, replace(partner, origins=(origin(moved),)) if moved else partner)
        for form in forms:
            save_form(connection, form.values, form.capacity)
        publish_keys(connection, keys, slugs, clock())
        _publish(connection, slugs, sorted(known), clock())
    return len(forms), len(partners)


def _publish(connection: Connection, forms: Sequence[str], partners: Sequence[str], now: datetime) -> None:
    outbox.add(connection, [partner_message(partner, now) for partner in find_partners(connection, partners)])
    stored = [form for slug in forms if (form := find_form(connection, slug)) is not None]
    outbox.add(connection, [form_message(form.facts, now) for form in stored])


def _rows(path: Path, faults: list[str]) -> list[Fields]:
    try:
        top: Node = read_yaml(path, list)
    except SettingsError as error:
        faults.extend(error.problems)
        return []
    rows = [top.child(index) for index in range(len(top.data))]
    faults.extend(row.fault("a mapping is required") for row in rows if not isinstance(row.data, dict))
    return [Fields(row, faults) for row in rows if isinstance(row.data, dict)]


def _partner(fields: Fields) -> Partner:
    partner = Partner(
        slug=fields.required("slug", read_slug, ""),
        name=fields.required("name", text(), ""),
        origins=fields.each("origins", origin),
        language=fields.optional("language", page_language, "en"),
        theme=fields.optional("theme", theme_values, {}),
    )
    fields.finish()
    return partner
