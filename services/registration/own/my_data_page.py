"""The page *my data*: what is kept of somebody, in their language, to read or to print."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look
from services.registration.own.my_data import OwnData
from services.registration.own.rendering import TEXTS, kind_key, own_text, render_own
from services.registration.people.model import clear_answers
from services.registration.public.responses import event_time, title_of
from shared.i18n.content import Title
from shared.i18n.languages import LANGUAGE_NAMES
from shared.i18n.phrases import listed
from shared.i18n.when import Period, known_zone, time_lines
from shared.public_forms.rendering import answers_for_display


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
    """Everything that is kept of a registration.

    Attributes:
        title: of the form.
        own_path: of the person's own page, ``/r/<token>``.
        facts: (label, value) about the registration.
        answers: (label, answer) in order, see ``answers_for_display``.
        sealed: questions whose answers are encrypted, each with when they were given.
        readings: when these answers were read.
        tags: words that the organisers put on the registration.
        notes: what the organisers wrote about the person, in order.
        changes: what happened to the registration, in order.
        mails: about it, in order.
    """

    look: Look
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


def my_data_page(data: OwnData, look: Look, own_path: str) -> MyDataPage:
    """Return the page of ``data``.

    Args:
        data: what is kept.
        look: of the page.
        own_path: of the person's own page.
    """
    person, language, definition = data.own.person, look.language, data.view.whole
    clock = _InstantWriter(_zone_of(data), language)
    labels = {field.name: field.label.in_language(language) for field in definition.fields}
    history = data.history
    return MyDataPage(
        look=look,
        title=title_of(data.view.stored, definition, language),
        event_time=event_time(data.view.stored),
        own_path=own_path,
        facts=tuple(_facts(data, clock)),
        answers=answers_for_display(definition, clear_answers(person, person.registration), language),
        sealed=[clock.dated(at, labels.get(name, name)) for name, at in sorted(history["sealed"].items())],
        readings=[clock.dated(at) for at in history["readings"]],
        consents=[_consent(one, clock) for one in history["consent"].values()],
        tags=history["tags"],
        notes=[clock.dated(one["at"], one["words"]) for one in history["notes"]],
        changes=list(_changes(history["history"], labels, clock)),
        mails=[clock.dated(one["at"], _mail(one, language)) for one in history["mails"]],
    )


def render_my_data(page: MyDataPage) -> str:
    """The page as HTML."""
    return render_own("my_data.html", page.look, "?", page=page, title=own_text("data.title", page.look.language))


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
"""Changes of the status that have words of their own, as (before, after)."""


def _changes(
    history: Sequence[Mapping[str, Any]], labels: Mapping[str, str], clock: _InstantWriter
) -> Iterator[DatedEntry]:
    """Yield every revision: the change of status, and which answers changed.

    The stored reasons are in English, for coordinators, and are not shown.
    """
    before = ""
    for one in history:
        status = one["status"]
        key = "answers" if status == before else _STEPS.get((before, status), status)
        questions = listed([labels.get(name, name) for name in one["fields"]], clock.language)
        what = own_text(f"data.change.{key}", clock.language)
        yield clock.dated(one["at"], f"{what} – {questions}" if questions else what)
        before = status


def _mail(one: Mapping[str, Any], language: str) -> str:
    kind = "reminder" if one["kind"].startswith("reminder-") else one["kind"]
    key = f"data.mail.{kind}"
    subject = own_text(key if TEXTS.has(key) else "data.mail.other", language)
    return own_text(f"data.mail.is-{one['outcome']}", language, mail=subject)
