"""Loading a folder of forms and partners. A folder with a fault changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from services.registration.forms.messages import form_message, partner_message
from services.registration.forms.schemas import FormRowSchema, LoadedForm, faults_with_people
from services.registration.forms.service import Partner, find_partners, save_partner
from services.registration.forms.store import find_form, has_people, lock_seats, save_form
from services.registration.partners.schemas import PartnerRowSchema
from services.registration.sealing.key_service import make_keys, publish_keys
from services.registration.sealing.key_store import FormKeys
from shared.db.unit_of_work import UnitOfWork
from shared.messaging import outbox
from shared.public_forms.theme import origin
from shared.runtime.clock import system_clock
from shared.runtime.errors import SettingsError
from shared.runtime.yaml_source import FileSchema, Node, load_from, read_yaml

FormRow = tuple[Node, LoadedForm]
"""A row of the file, and the form that it describes."""


def load_forms(
    work: UnitOfWork,
    keys: FormKeys,
    folder: Path,
    origins: Mapping[str, str] | None = None,
    *,
    days_later: int = 0,
) -> tuple[int, int]:
    """Store every form and partner of ``folder`` in one transaction; capacities and alarms of known forms stay.

    The events service gets the state of each form and partner of the folder, also of those that did not change: loading
    the folder again brings a service up to date that has lost it.

    Args:
        work: the unit of work on the service's database.
        keys: the private keys of the forms; a new form gets its key pair there, and its public key is stored with it.
        folder: the folder with ``forms.yaml`` and ``partners.yaml``.
        origins: the origins by partner, in place of those in the folder (for an installation with other addresses).
        days_later: the number of days by which the days of the folder are moved, for a demonstration at a later date.

    Returns:
        the numbers of forms and partners in the folder.

    Raises:
        SettingsError: lists every fault with file, line and field, also a form with people that would get another event
            or kind, or the forms whose private key is missing; nothing was changed.
    """
    faults: list[str] = []
    partners: list[Partner] = [partner for _, partner in _loaded(folder / "partners.yaml", PartnerRowSchema(), faults)]
    known = {partner.slug for partner in partners}
    forms: list[FormRow] = _loaded(folder / "forms.yaml", FormRowSchema(known, days_later), faults)
    if faults:
        raise SettingsError(faults)
    slugs = [form.slug for _, form in forms]
    make_keys(work, keys, slugs)
    with work.transaction() as connection:
        for slug in sorted(slugs):
            lock_seats(connection, slug)
        if faults := list(_faults_with_people(connection, forms)):
            raise SettingsError(faults)
        for partner in partners:
            moved = (origins or {}).get(partner.slug)
            save_partner(connection, replace(partner, origins=(origin(moved),)) if moved else partner)
        for _, form in forms:
            save_form(connection, form.values, form.capacity)
        publish_keys(connection, keys, slugs, system_clock())
        _publish(connection, slugs, sorted(known), system_clock())
    return len(forms), len(partners)


def _publish(connection: Connection, forms: Sequence[str], partners: Sequence[str], now: datetime) -> None:
    outbox.add(connection, [partner_message(partner, now) for partner in find_partners(connection, partners)])
    stored = [form for slug in forms if (form := find_form(connection, slug)) is not None]
    outbox.add(connection, [form_message(form.facts, now) for form in stored])


def _faults_with_people(connection: Connection, forms: Sequence[FormRow]) -> Iterator[str]:
    for row, form in forms:
        current = find_form(connection, form.slug)
        if current is not None and has_people(connection, form.slug):
            found = faults_with_people(form, current.kind, current.event_id)
            yield from (row.fault(message, *place) for place, message in found)


def _loaded(path: Path, schema: FileSchema, faults: list[str]) -> list[tuple[Node, Any]]:
    """The rows of a file and what they are; one with a fault is left out, and its faults are added to ``faults``."""
    try:
        rows = read_yaml(path, list).children()
    except SettingsError as error:
        faults.extend(error.problems)
        return []
    return [(row, value) for row in rows if (value := load_from(row, schema, faults)) is not None]
