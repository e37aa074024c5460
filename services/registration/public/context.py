"""What the public routes work with: forms as they are shown, the intake, what was submitted, and the responses.

A submission is read into one shape, whether it came as JSON or as a plain form. Pages share their style, their policy
and the time of their event. What a filled honeypot causes: ``submissions.py``.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from services.registration.embed.pages import (
    PageStyle,
)
from services.registration.embed.strings import EventTime
from services.registration.forms.service import Partner, every_origin
from services.registration.forms.store import PublicForm
from services.registration.intake.form_view import FormView, view_form
from services.registration.intake.mail_lines import CONFIRMATION_MAILS_AN_HOUR
from services.registration.intake.service import Intake
from services.registration.telemetry import intake_requests_total
from shared.db.unit_of_work import UnitOfWork
from shared.i18n.languages import Rendering, Text
from shared.i18n.when import period
from shared.public_forms.definition import FormDefinition
from shared.public_forms.proof_of_work import ProofKeys
from shared.public_forms.theme import read_theme
from shared.runtime.clock import Clock
from shared.runtime.deployment import TrustedProxies
from shared.runtime.errors import DomainError, Unavailable
from shared.vocabulary.form_kinds import FORM_KINDS

VIEW_KEPT_S = 1.0
"""How long a form is shown from the cache: its questions, partners and keys, whether it is open, and the note about its
seats. The decider always uses the form's row, not what was shown."""

VIEW_KEPT_IN_NEED_S = 60.0
"""How long a cached form may be used when it cannot be read again."""

TURN_WITHIN_S = 0.5
"""How long a request waits for its turn to read a form again, if it is of no use without."""

KEY_KEPT_S = 5.0
"""How long answers are sealed to a form's public key while it cannot be read again, so that a destroyed key goes out
of use. Afterwards a form with sealed questions accepts nothing until its key is read again."""

MAX_VIEWS = 500


@contextmanager
def counted_lookup() -> Iterator[None]:
    """Count it when a form is asked for that there is not: a partner's page names a wrong one, or a person tries."""
    try:
        yield
    except DomainError as refusal:
        if refusal.code == "form-unknown":
            intake_requests_total.labels("unknown").inc()
        raise


@dataclass(frozen=True, slots=True)
class PublicContext:
    """Dependencies of the public routes.

    Attributes:
        work: the unit of work on the service's database.
        clock: the source of the current time.
        intake: the intake that stores submissions and commands.
        proxies: the gateways that are trusted to name the sender of a request.
        organiser: the name of the organiser, which forms show.
        proof_keys: the keys of proof-of-work challenges.
        views: the cached forms by slug, each with the time of reading (monotonic, seconds).
        public_url: the URL of the whole system as people see it.
        mails_an_hour: the hourly budget of confirmation mails to all domains together.
    """

    work: UnitOfWork
    clock: Clock
    intake: Intake
    proxies: TrustedProxies
    organiser: str
    proof_keys: ProofKeys
    public_url: str
    mails_an_hour: int = CONFIRMATION_MAILS_AN_HOUR
    views: dict[str, tuple[float, FormView]] = field(default_factory=dict)
    refreshing: threading.Lock = field(default_factory=threading.Lock)

    def form_view(self, slug: str) -> FormView:
        """The form called ``slug``, about a second old at most: one caller reads it again, the others use the cache.

        Anyone can keep that caller's turn taken, by requests for forms that do not exist. A request waits a short time
        for the turn if the cached form is of no use to it, and otherwise not at all: in an outage of the database it
        may have to wait once more, to be stored.

        Raises:
            DomainError: ``form-unknown``.
            Unavailable: it cannot be read now, and what is cached is too old.
        """
        kept = self.views.get(slug)
        age_s = time.monotonic() - kept[0] if kept is not None else 0.0
        if kept is not None and age_s < VIEW_KEPT_S:
            return kept[1]
        if kept is None:
            self.refreshing.acquire()
        elif not self.refreshing.acquire(timeout=0 if _is_enough(kept[1], age_s) else TURN_WITHIN_S):
            if age_s > VIEW_KEPT_IN_NEED_S:
                raise Unavailable("the form cannot be read again in time")
            return _in_need(*kept)
        try:
            return self._refreshed(slug)
        finally:
            self.refreshing.release()

    def remembered_origins(self, slug: str) -> tuple[str, ...]:
        """Cached origins that may use the form; none if nothing is cached. Does not query the database."""
        kept = self.views.get(slug)
        return kept[1].origins if kept is not None else ()

    def known_origins(self, slug: str) -> tuple[str, ...]:
        """Origins that may use the form; those of every partner if there is no such form, none if they are unknown."""
        try:
            return self.form_view(slug).origins
        except Unavailable:
            return self.remembered_origins(slug)
        except DomainError:
            return every_origin(self.work)

    def _refreshed(self, slug: str) -> FormView:
        kept = self.views.get(slug)
        if kept is not None and time.monotonic() - kept[0] < VIEW_KEPT_S:
            return kept[1]
        try:
            view = view_form(self.work, slug, self.clock())
        except Unavailable:
            # exports may hold every connection: submissions have a separate one, and use the cached form
            if kept is None or time.monotonic() - kept[0] > VIEW_KEPT_IN_NEED_S:
                raise
            return _in_need(*kept)
        if len(self.views) >= MAX_VIEWS:
            self.views.clear()
        self.views[slug] = (time.monotonic(), view)
        return view


def _is_enough(view: FormView, age_s: float) -> bool:
    """Whether a cached form can be filled in and stored: it is not too old, and has its key if it seals answers."""
    return age_s < (VIEW_KEPT_IN_NEED_S if view.public_key is None else KEY_KEPT_S)


def _in_need(read_at_s: float, view: FormView) -> FormView:
    """A form as read at a time of the monotonic clock, without its key if that was too long ago."""
    return view if time.monotonic() - read_at_s < KEY_KEPT_S else replace(view, public_key=None)


def page_style_of(
    language: str, values: Mapping[str, Any], partner: Partner | None, *, framed: bool = False, parent: str = ""
) -> PageStyle:
    """The page style; values of the address take precedence over the partner's.

    ``parent`` is the origin of the enclosing page that may receive messages.
    """
    own = {name: str(value) for name, value in (partner.theme if partner else {}).items()}
    given = {name: str(values[name]) for name in ("theme", "accent", "radius", "font") if values.get(name)}
    return PageStyle(language, read_theme({**own, **given}), framed or bool(parent), parent)


def event_time(form: PublicForm) -> EventTime | None:
    """When the form's event is; None for a form without an event."""
    if form.event_id is None:
        return None
    when = period(form.starts_at, form.ends_at, form.time_zone or "UTC", form.city)
    return EventTime(when, form.event_status == "tentative")


def guest_list_closes(form: PublicForm) -> EventTime | None:
    """When the guest list of the form's event closes; None if it stays open until the start."""
    closes_at = form.opening.guest_list_closes_at
    return EventTime(period(closes_at, None, form.time_zone or "UTC", form.city)) if closes_at is not None else None


def opens_at(form: PublicForm) -> EventTime | None:
    """When registration opens; None if coordinators have set no time."""
    opening = form.opens_at
    return EventTime(period(opening, None, form.time_zone or "UTC", form.city)) if opening is not None else None


def title_of(form: PublicForm, definition: FormDefinition, language: str) -> Rendering:
    """The event's own title where the form is the way into the event, else the form's."""
    event = Text.of(form.event_texts or {})
    return (event if event and FORM_KINDS[form.kind].is_way_in else definition.title).for_reader(language)
