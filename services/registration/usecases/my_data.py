"""My data: everything that is kept of somebody, for themselves, as JSON. It changes nothing."""

from datetime import datetime
from typing import Any

from services.registration.store.forms import StoredForm, find_form
from services.registration.store.my_data import Kept, kept_of
from services.registration.store.people import history_of
from services.registration.store.registrations import Person
from services.registration.usecases.links import own_person, refuse_ended
from shared.core.clock import Clock, rfc3339
from shared.forms.definition import parse_definition
from shared.store.unit_of_work import UnitOfWork

NOT_CONFIRMED = "not shown before the address is confirmed: somebody else may have written them"
SEALED = "kept encrypted and not opened by a link, which may get into other hands; ask the organisers for them"
ELSEWHERE = {
    "notifications": "name, address, link and time zone, encrypted; which mails were sent, and when",
    "events": "that this registration counts: form, status, working group, country, and a keyed hash of the address",
}
"""What the other services hold. They get it by the messages that are listed, and lose it with an erasure."""


def show_my_data(work: UnitOfWork, clock: Clock, token: str) -> dict[str, Any]:
    """What is kept of the registration that ``token`` opens, as JSON values.

    Sealed answers are named and not opened: a link is less than what their readers need.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
    """
    with work.transaction() as connection:
        now = clock()
        person = own_person(connection, token)
        identity, named = person.registration.id, find_form(connection, person.registration.form, now)
        form, kept = refuse_ended(connection, person, named, now), kept_of(connection, identity)
        history = [
            {"at": change.changed_at, "status": change.status, "reason": change.reason}
            for change in history_of(connection, identity)
        ]
    found = {
        "made_at": now,
        "registration": _registration(person, form, kept),
        "answers": _answers(person),
        "sealed_answers": _sealed(person, form, kept),
        "history": history,
        "told_other_services": kept.messages,
        "kept_by_other_services": ELSEWHERE,
    }
    plain: dict[str, Any] = _plain(found)
    return plain


def _registration(person: Person, form: StoredForm, kept: Kept) -> dict[str, Any]:
    registration = person.registration
    return {
        "id": registration.id,
        "form": form.slug,
        "event": form.event_title or form.event_id,
        "status": registration.status,
        "place_in_line": registration.position,
        "revision": registration.revision,
        "came_through": registration.partner,
        "mails_in": registration.language,
        "hash_of_address": registration.person_ref,
        **kept.moments,
    }


def _answers(person: Person) -> Any:
    registration = person.registration
    if registration.status in ("unverified", "expired"):
        return NOT_CONFIRMED
    return {
        "name": person.name,
        "email": person.email,
        "organisation": person.organisation,
        "working_group": registration.working_group,
        "representative": registration.representative,
        "country": registration.country,
        "time_zone": person.time_zone,
        **person.answers,
    }


def _sealed(person: Person, form: StoredForm, kept: Kept) -> dict[str, Any]:
    asked = [field.name for field in parse_definition(form.definition).fields if field.sealed]
    return {
        "kept": person.has_sealed,
        "asked_for": asked if person.has_sealed else [],
        "shown": SEALED if person.has_sealed else "",
        "read_by_organisers_at": kept.readings,
    }


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value
