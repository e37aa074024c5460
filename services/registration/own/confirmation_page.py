"""The confirmation page: all that waits for the owner of an address, and the outcomes of their choices.

Anyone may have submitted the address and all texts, so the texts are collapsed and nothing is preselected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from flask import Response, request

from services.registration.embed.pages import PageStyle, is_dated
from services.registration.embed.receipt_pages import next_reload
from services.registration.embed.strings import EventTime, text_of_kind
from services.registration.intake.model import Act, Choice, Result
from services.registration.own.pages import kind_key, own_text, render_own
from services.registration.public.context import page_style_of
from services.registration.public.responses import page, see_other
from services.registration.public.submitted import language_of
from shared.http.request_data import MAX_FORM_VALUES
from shared.i18n.languages import Title
from shared.i18n.when import Period
from shared.public_forms.fields import engine_texts

CHOICE_PREFIX = "choice-"
"""In the name of a choice, before the id of its candidate, a colon and the form's slug.

A choice is all that a browser sends about a candidate, and nothing without one: strangers decide how many there are.
"""

MAX_CHOICES = MAX_FORM_VALUES - 2
"""All that a form can have beside the language and the button."""

OfferedAct = Literal["confirm", "another-person", "replace", "keep", "refuse", "use-address", "refuse-address"]
ACTS: Mapping[OfferedAct, Act] = {
    "confirm": Act.CONFIRM,
    "another-person": Act.CONFIRM,
    "replace": Act.REPLACE,
    "keep": Act.KEEP,
    "refuse": Act.REFUSE,
    "use-address": Act.USE_ADDRESS,
    "refuse-address": Act.REFUSE_ADDRESS,
}
"""The decider's act for each option; another person at an address is confirmed like the first one."""

Done = Literal["", "link-sent", "muted", "unmuted"]


@dataclass(frozen=True, slots=True)
class ChoiceOption:
    """An act that the owner can choose for a candidate.

    Attributes:
        registration: the id of the registration that is replaced, with ``replace`` only.
        name: the name of the person of that registration; ``""`` where the form asks for none.
    """

    act: OfferedAct
    registration: str = ""
    name: str = ""

    @property
    def value(self) -> str:
        """As the form sends it; :func:`read_choices` is the opposite."""
        act = ACTS[self.act].value
        return f"{act}:{self.registration}" if self.registration else act


@dataclass(frozen=True, slots=True)
class PendingCandidate:
    """A submission that waits until the owner of its address confirms it.

    Attributes:
        id: the id of the candidate, a UUID.
        form: the slug of the form.
        title: the title of the form.
        code: the code that its sender was shown.
        received: the time at which it came, in the zone in which it is to be read.
        answers: the (label, answer) pairs in order, see ``answers_for_display``.
        has_sealed: whether there are answers that are not shown.
        consents: the wording of each consent of the form, in the language of the page: what confirming agrees to.
        options: the acts, in the order in which they are offered; none is preselected.
        form_kind: the kind of the form.
    """

    id: str
    form: str
    title: Title
    event_time: EventTime | None
    code: str
    received: Period
    answers: Sequence[tuple[str, str]]
    has_sealed: bool
    consents: tuple[str, ...]
    options: tuple[ChoiceOption, ...]
    form_kind: str = ""

    @property
    def name(self) -> str:
        """The name of its choice in the HTML form."""
        return f"{CHOICE_PREFIX}{self.id}:{self.form}"

    @property
    def received_time(self) -> EventTime:
        """When it came, for the template."""
        return EventTime(self.received)


@dataclass(frozen=True, slots=True)
class ChangeCard:
    """A pending change to the address; only the form of the registration and the code are shown.

    Attributes:
        id: the id of the change, a UUID.
        form: the slug of the form.
        title: the title of the form.
        code: the code that was shown where the change was requested.
        received: the time at which the change was requested.
    """

    id: str
    form: str
    title: Title
    event_time: EventTime | None
    code: str
    received: EventTime
    options: tuple[ChoiceOption, ...] = (ChoiceOption("use-address"), ChoiceOption("refuse-address"))

    @property
    def name(self) -> str:
        """The name of its choice in the HTML form."""
        return f"{CHOICE_PREFIX}{self.id}:{self.form}"


@dataclass(frozen=True, slots=True)
class CandidateResult:
    """What became of a choice, or of a candidate that no longer exists.

    Attributes:
        result: the result of a choice; ``None`` while it is being processed.
        title: the title of the form.
        code: the code of the candidate; ``""`` for answers that were entered behind the link, and if the candidate is
            gone.
        form_kind: the kind of the form.
        form_path: the path where other answers can be entered behind this link, ``""`` if that would not help.
        promotion_mode: the promotion mode of the form.
    """

    result: Result | None
    title: Title
    event_time: EventTime | None
    code: str
    form_kind: str
    form_path: str = ""
    promotion_mode: str = ""


@dataclass(frozen=True, slots=True)
class RegisteredEntry:
    """A registration of the address; ``name`` is the person's, ``""`` where the form asks for none."""

    id: str
    title: Title
    event_time: EventTime | None
    status: Literal["confirmed", "waitlisted"]
    form_kind: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class FormLink:
    """A form of which answers can be entered behind the link; ``path`` is ``/c/<token>/forms/<slug>``."""

    title: Title
    path: str


@dataclass(frozen=True, slots=True)
class ConfirmationPage:
    """The content of the page of a confirmation link.

    Attributes:
        path: the path of this page, ``/c/<token>``.
        address: the address to which the link was mailed.
        candidates: the candidates that wait, oldest first.
        changes: the registrations that are to use the address.
        results: the results of choices that were made by this link, the newest first.
        registered: the live registrations of the address.
        forms: the forms that are open.
        muted: whether the owner wants no mail about submissions.
        no_choice: whether a POST came without any choice.
        done: a command that is done at once.
        attempt: how often the page has loaded itself again.
    """

    style: PageStyle
    path: str
    address: str
    candidates: tuple[PendingCandidate, ...] = ()
    changes: tuple[ChangeCard, ...] = ()
    results: tuple[CandidateResult, ...] = ()
    registered: tuple[RegisteredEntry, ...] = ()
    forms: tuple[FormLink, ...] = ()
    muted: bool = False
    no_choice: bool = False
    done: Done = ""
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class _ResultText:
    """A result as the template shows it."""

    page: CandidateResult
    heading: str
    message: str
    good: bool


_WORDED_AS_RECEIPTS = (Result.CONFIRMED, Result.WAITLISTED, Result.FULL)
"""Results that have the same wording as on the receipt of a form without verification."""
_AS_CHOSEN = (
    Result.CONFIRMED,
    Result.WAITLISTED,
    Result.CHANGED,
    Result.KEPT,
    Result.DELETED,
    Result.ADDRESS_CHANGED,
    Result.ADDRESS_REFUSED,
)
"""Results that are what the owner has chosen."""


def render_confirmation(page: ConfirmationPage) -> str:
    """Return the page behind a confirmation link; it polls for outcomes that are not decided yet."""
    undecided = any(result.result is None for result in page.results)
    reload = next_reload(page.style.language, page.attempt) if undecided else None
    return render_own(
        "confirmation.html",
        page.style,
        "?",
        page=page,
        title=own_text("page.title" if page.candidates or page.changes else "page.title.none", page.style.language),
        results=[_result_text(result) for result in page.results],
        reload=reload,
        error_prefix=engine_texts().text("error.prefix", page.style.language),
    )


def render_confirmation_gone(style: PageStyle) -> str:
    """The page for an invalid confirmation link; the same for every such link."""
    return render_own("confirmation_gone.html", style, title=own_text("link.gone.title", style.language))


def read_choices(submitted: Mapping[str, str]) -> tuple[Choice, ...]:
    """Return the choices of a POST with ``choose``, in the order of the form; candidates without one are left out.

    The form of each is the one that the page has named; empty if it has named none.

    Raises:
        ValueError: a choice is none that the page offers, or there are more than any page has.
    """
    names = [name.removeprefix(CHOICE_PREFIX) for name in submitted if name.startswith(CHOICE_PREFIX)]
    if len(names) > MAX_CHOICES:
        raise ValueError("more choices than candidates")
    return tuple(_choice(name, submitted[f"{CHOICE_PREFIX}{name}"]) for name in names)


def _choice(name: str, value: str) -> Choice:
    candidate, _, form = name.partition(":")
    act, _, registration = value.partition(":")
    if (act == Act.REPLACE) != bool(registration):
        raise ValueError("a replacement names a registration, and nothing else does")
    return Choice(str(UUID(candidate)), Act(act), str(UUID(registration)) if registration else None, form)


def _result_text(one: CandidateResult) -> _ResultText:
    if one.result is None:
        return _ResultText(one, "processing.title", "processing.message", good=False)
    group = "outcome" if one.result in _WORDED_AS_RECEIPTS else "result"
    general = (
        text_of_kind(
            f"{group}.{one.result}.{part}",
            one.form_kind,
            dated=is_dated(one.event_time),
            promotion_mode=one.promotion_mode,
        )
        for part in ("title", "message")
    )
    heading, message = (kind_key(key, one.form_kind) for key in general)
    return _ResultText(one, heading, message, one.result in _AS_CHOSEN)


def back_to_list(token: str, done: str = "") -> Response:
    language = language_of(request.form.to_dict(), None)
    shown = f"&done={done}" if done else ""
    return see_other(f"/c/{token}?lang={language}{shown}")


def confirmation_gone() -> Response:
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_confirmation_gone(style), style, status=404)
