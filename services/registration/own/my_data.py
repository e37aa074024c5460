"""My data: all data stored about a participant, for them to read or to download.

It opens nothing that is sealed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any

from flask import Blueprint, Response, request

from services.registration.embed.pages import PageStyle
from services.registration.embed.strings import EventTime
from services.registration.intake.form_view import FormView
from services.registration.own.pages import TEXTS, gone, kind_key, own_text, render_own
from services.registration.own.service import show_own_history
from services.registration.own.store import OwnRegistration
from services.registration.people.model import clear_answers
from services.registration.public.context import PublicContext, event_time, page_style_of, title_of
from services.registration.public.responses import page
from services.registration.public.submitted import own_language
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import by_link
from shared.http.headers import personal
from shared.i18n.catalogue import listed
from shared.i18n.languages import LANGUAGE_NAMES, Title
from shared.i18n.when import Period, known_zone, time_lines
from shared.public_forms.rendering import answers_for_display
from shared.runtime.clock import rfc3339
from shared.runtime.errors import DomainError
from shared.security.rate_limits import limited

SEALED = "stored encrypted and not shown by a link, which may fall into the wrong hands; ask the organisers for them"
ELSEWHERE = {
    "notifications": "name, address, link and time zone, encrypted; which mails were sent, and when",
    "events": "that this registration counts: form, status, working group, country, and a keyed hash of the address",
}
"""Data of the other services. They receive it by the listed messages, and delete it with an erasure."""


@dataclass(frozen=True, slots=True)
class OwnData:
    """The data that are stored about a registration.

    Attributes:
        history: the dates, consent, sealed answers by name, readings, tags, notes, changes, mails and messages, as JSON
            values.
        made_at: the time at which it was read.
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
        "lapses_at": None if registration.lapses_at is None else rfc3339(registration.lapses_at),
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


@dataclass(frozen=True, slots=True)
class DatedEntry:
    """Something that happened, in words.

    Attributes:
        at: the instant by RFC 3339.
        when: the same in words, in the zone of the person.
    """

    at: str
    when: str
    what: str


@dataclass(frozen=True, slots=True)
class GivenConsent:
    """A consent as its person has read it; ``language`` is that of the wording."""

    wording: str
    language: str
    version: int
    given: DatedEntry


@dataclass(frozen=True, slots=True)
class MyDataPage:
    """All stored data of a registration.

    Attributes:
        title: the title of the form.
        own_path: the path of the person's own page, ``/r/<token>``.
        facts: the (label, value) pairs about the registration.
        answers: the (label, answer) pairs in order, see ``answers_for_display``.
        sealed: the questions whose answers are encrypted, each with the time at which they were given.
        readings: the times at which these answers were read.
        tags: the words that the organisers put on the registration.
        notes: what the organisers wrote about the person, in order.
        changes: what happened to the registration, in order.
        mails: the mails about it, in order.
    """

    style: PageStyle
    title: Title
    event_time: EventTime | None
    own_path: str
    facts: Sequence[tuple[str, str]]
    answers: Sequence[tuple[str, str]]
    sealed: Sequence[DatedEntry]
    readings: Sequence[DatedEntry]
    consents: Sequence[GivenConsent]
    tags: Sequence[str]
    notes: Sequence[DatedEntry]
    changes: Sequence[DatedEntry]
    mails: Sequence[DatedEntry]


def my_data_page(data: OwnData, style: PageStyle, own_path: str) -> MyDataPage:
    """Return the page that shows ``data``.

    Args:
        data: the stored data.
        style: the style of the page.
        own_path: the path of the person's own page.
    """
    person, language, definition = data.own.person, style.language, data.view.whole
    clock = _InstantWriter(_zone_of(data), language)
    labels = {field.name: field.label.in_language(language) for field in definition.fields}
    history = data.history
    return MyDataPage(
        style=style,
        title=title_of(data.view.stored, definition, language),
        event_time=event_time(data.view.stored),
        own_path=own_path,
        facts=tuple(_facts(data, clock)),
        answers=answers_for_display(definition, clear_answers(person, person.registration), language),
        sealed=[clock.dated(at, labels.get(name, name)) for name, at in sorted(history["sealed"].items())],
        readings=[clock.dated(at) for at in history["readings"]],
        consents=[_consent(consent, clock) for consent in history["consent"].values()],
        tags=history["tags"],
        notes=[clock.dated(note["at"], note["words"]) for note in history["notes"]],
        changes=list(_changes(history["history"], labels, clock)),
        mails=[clock.dated(mail["at"], _mail(mail, language)) for mail in history["mails"]],
    )


def render_my_data(page: MyDataPage) -> str:
    """The page as HTML."""
    return render_own("my_data.html", page.style, "?", page=page, title=own_text("data.title", page.style.language))


@dataclass(frozen=True, slots=True)
class _InstantWriter:
    """Writes instants in one zone and one language."""

    zone: str
    language: str

    def dated(self, at: str, what: str = "") -> DatedEntry:
        return DatedEntry(at, self.words(at), what)

    def words(self, at: str) -> str:
        return time_lines(Period(datetime.fromisoformat(at), None, self.zone), self.language)[0].text


def _zone_of(data: OwnData) -> str:
    """The person's zone if there is such a zone, else the event's."""
    own = data.own.person.time_zone or ""
    return own if known_zone(own) is not None else data.view.stored.time_zone or "UTC"


def _facts(data: OwnData, clock: _InstantWriter) -> Iterator[tuple[str, str]]:
    registration, dates = data.own.person.registration, data.history["dates"]

    def fact(key: str, value: str) -> tuple[str, str]:
        return own_text(f"data.{key}", clock.language), value

    yield fact(
        "status", own_text(kind_key(f"registered.{registration.status}", registration.form_kind), clock.language)
    )
    if (decision := data.history["decision"]) is not None:
        status = own_text(f"proposal.status.{decision['status']}", clock.language)
        yield own_text("data.decision", clock.language), f"{status} – {clock.words(decision['decided_at'])}"
        if decision["note"]:
            yield own_text("proposal.note", clock.language), decision["note"]
    if registration.position is not None:
        yield fact("position", str(registration.position))
    for key in ("received_at", "verified_at", "accepted_at", "confirmed_at", "cancelled_at"):
        if dates[key] is not None and (key != "confirmed_at" or dates[key] != dates["accepted_at"]):
            yield fact(key, clock.words(dates[key]))
    if registration.lapses_at is not None:
        yield fact("lapses_at", clock.words(registration.lapses_at.isoformat()))
    yield fact("language", LANGUAGE_NAMES.get(registration.language, registration.language))
    if registration.partner:
        partner = data.view.partner(registration.partner)
        yield fact("partner", partner.name if partner else registration.partner)
    yield fact("number", registration.id)


def _consent(given: Mapping[str, Any], clock: _InstantWriter) -> GivenConsent:
    return GivenConsent(given["wording"], given["language"], given["version"], clock.dated(given["given_at"]))


_STEPS = {
    ("waitlisted", "confirmed"): "promoted",
    ("offered", "confirmed"): "promoted",
    ("offered", "waitlisted"): "offer-ended",
}
"""Changes of the status that have a specific wording, as (before, after)."""


def _changes(
    history: Sequence[Mapping[str, Any]], labels: Mapping[str, str], clock: _InstantWriter
) -> Iterator[DatedEntry]:
    """Yield every revision: the change of status, and which answers changed.

    The stored reasons are in English, for coordinators, and are not shown.
    """
    before = ""
    for row in history:
        status = row["status"]
        key = "answers" if status == before else _STEPS.get((before, status), status)
        questions = listed([labels.get(name, name) for name in row["fields"]], clock.language)
        what = own_text(f"data.change.{key}", clock.language)
        yield clock.dated(row["at"], f"{what} – {questions}" if questions else what)
        before = status


def _mail(one: Mapping[str, Any], language: str) -> str:
    kind = "reminder" if one["kind"].startswith("reminder-") else one["kind"]
    key = f"data.mail.{kind}"
    subject = own_text(key if TEXTS.has(key) else "data.mail.other", language)
    return own_text(f"data.mail.is-{one['outcome']}", language, mail=subject)


def my_data_blueprint(context: PublicContext) -> Blueprint:
    """``/r/<token>/my-data`` and ``/r/<token>/my-data.json``."""
    blueprint = Blueprint("my_data", __name__, url_prefix="/r")

    @blueprint.get("/<token>/my-data")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        return _answer(context, token, lambda data: _page(token, data))

    @blueprint.get("/<token>/my-data.json")
    @by_link
    @limited("link")
    def download(token: str) -> Response:
        return _answer(context, token, _file)

    return blueprint


def _answer(context: PublicContext, token: str, respond: Callable[[OwnData], Response]) -> Response:
    try:
        data = read_own_data(context.work, token, context.form_view, context.clock())
    except DomainError:
        return gone(context)
    return respond(data)


def _page(token: str, data: OwnData) -> Response:
    style = page_style_of(own_language(request.args.to_dict(), data.own.person.registration.language), {}, None)
    return page(render_my_data(my_data_page(data, style, f"/r/{token}")), style)


def _file(data: OwnData) -> Response:
    response = Response(dumps(as_json(data), ensure_ascii=False, indent=2), mimetype="application/json")
    response.headers["Content-Disposition"] = "attachment; filename=my-data.json"
    return personal(response)
