"""My data: everything that is stored about a participant, for them to read or to download. It changes nothing."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.intake.form_view import FormView
from services.registration.own.service import show_own_history
from services.registration.own.store import OwnRegistration
from services.registration.people.model import clear_answers
from shared.core.clock import rfc3339
from shared.store.unit_of_work import UnitOfWork

SEALED = "kept encrypted and not opened by a link, which may get into other hands; ask the organisers for them"
ELSEWHERE = {
    "notifications": "name, address, link and time zone, encrypted; which mails were sent, and when",
    "events": "that this registration counts: form, status, working group, country, and a keyed hash of the address",
}
"""What the other services hold. They get it by the messages that are listed, and lose it with an erasure."""


@dataclass(frozen=True, slots=True)
class OwnData:
    """What is kept of a registration.

    Attributes:
        history: dates, consent, sealed answers by name, readings, tags, notes, changes, mails and messages, as JSON
            values.
        made_at: when it was read.
    """

    own: OwnRegistration
    view: FormView
    history: Mapping[str, Any]
    made_at: datetime


def read_own_data(work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime) -> OwnData:
    """Return what is kept of the registration that ``token`` opens.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
    """
    return OwnData(*show_own_history(work, token, form_view, now), now)


def as_json(data: OwnData) -> dict[str, Any]:
    """Return ``data`` as JSON values.

    Sealed answers are listed and not decrypted: a link is weaker than the authentication of a sealed-reader. Of a
    reading only the time is given: the reason may name other people, and the reader is a person too. So of a note the
    words and the time, without who wrote it.
    """
    person, history = data.own.person, data.history
    return {
        "made_at": rfc3339(data.made_at),
        "registration": _registration(data) | history["dates"],
        "answers": clear_answers(person, person.registration),
        "decision": history["decision"],
        "consent": history["consent"],
        "sealed_answers": _sealed(history["sealed"], history["readings"]),
        "new_address": history["new_address"],
        "former_addresses": history["former_addresses"],
        "tags_of_organisers": history["tags"],
        "notes_of_organisers": history["notes"],
        "history": history["history"],
        "mails": history["mails"],
        "told_other_services": history["messages"],
        "kept_by_other_services": ELSEWHERE,
    }


def _registration(data: OwnData) -> dict[str, Any]:
    registration, stored = data.own.person.registration, data.view.stored
    return {
        "id": registration.id,
        "form": registration.form,
        "event": stored.event_title or stored.event_id,
        "status": registration.status,
        "place_in_line": registration.position,
        "revision": registration.revision,
        "came_through": registration.partner,
        "mails_in": registration.language,
        "hash_of_address": registration.person_ref,
    }


def _sealed(given: Mapping[str, str], readings: list[str]) -> dict[str, Any]:
    return {
        "kept": bool(given),
        "asked_for": sorted(given),
        "given_at": given,
        "shown": SEALED if given else "",
        "read_by_organisers_at": readings,
    }
