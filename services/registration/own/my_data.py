"""My data: everything that is kept of somebody, for themselves, as JSON. It changes nothing."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from services.registration.intake.form_view import FormView
from services.registration.own.service import show_history, show_own
from services.registration.people.model import clear_answers
from services.registration.people.store import Person
from shared.core.clock import rfc3339
from shared.store.unit_of_work import UnitOfWork

SEALED = "kept encrypted and not opened by a link, which may get into other hands; ask the organisers for them"
ELSEWHERE = {
    "notifications": "name, address, link and time zone, encrypted; which mails were sent, and when",
    "events": "that this registration counts: form, status, working group, country, and a keyed hash of the address",
}
"""What the other services hold. They get it by the messages that are listed, and lose it with an erasure."""


def my_data(work: UnitOfWork, token: str, form_view: Callable[[str], FormView], now: datetime) -> dict[str, Any]:
    """Return what is kept of the registration that ``token`` opens, as JSON values.

    Sealed answers are named and not opened: a link is less than what their readers need.

    Raises:
        DomainError: ``not-found`` if the token opens nothing.
    """
    own, view = show_own(work, token, form_view, now)
    history = show_history(work, token)
    return {
        "made_at": rfc3339(now),
        "registration": _registration(own.person, view) | history.get("dates", {}),
        "answers": clear_answers(own.person, own.person.registration),
        "consent": history.get("consent", {}),
        "sealed_answers": _sealed(history.get("sealed", []), history.get("readings", [])),
        "history": history.get("history", []),
        "told_other_services": history.get("messages", []),
        "kept_by_other_services": ELSEWHERE,
    }


def _registration(person: Person, view: FormView) -> dict[str, Any]:
    registration = person.registration
    return {
        "id": registration.id,
        "form": registration.form,
        "event": view.stored.event_title or view.stored.event_id,
        "status": registration.status,
        "place_in_line": registration.position,
        "revision": registration.revision,
        "came_through": registration.partner,
        "mails_in": registration.language,
        "hash_of_address": registration.person_ref,
    }


def _sealed(names: list[str], readings: list[str]) -> dict[str, Any]:
    return {
        "kept": bool(names),
        "asked_for": names,
        "shown": SEALED if names else "",
        "read_by_organisers_at": readings,
    }
