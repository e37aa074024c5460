"""The page for changing answers, or for giving the further details, as HTML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from services.registration.embed.event_time import EventTime
from services.registration.embed.pages import Look, is_dated
from services.registration.embed.strings import script_texts
from services.registration.own.answers import Difference, Step
from services.registration.own.rendering import kind_key, own_text, render_own
from shared.i18n.content import Title
from shared.i18n.languages import LANGUAGE_NAMES
from shared.public_forms.definition import FormDefinition
from shared.public_forms.rendering import render_fields, render_summary
from shared.public_forms.texts import engine_texts
from shared.public_forms.validation import FieldError

AnswersNotice = Literal["", "changed-meanwhile", "name-taken", "option-full"]


@dataclass(frozen=True, slots=True)
class AnswersPage:
    """The questions of a step, filled.

    Attributes:
        title: of the event or form.
        path: of this page.
        back_path: of the own page.
        address: of the registration.
        definition: the questions that are asked.
        values: answers to show.
        errors: faults to show at their fields.
        revision: of the registration, that a change is made from.
        until: until when it can be changed; None for always.
        sealed_given: when sealed answers of this step were last given; None if never.
        forget: the box that deletes earlier sealed answers is ticked.
        notice: why nothing was saved.
        conflict: what differs between the registration as it is now and what was sent.
    """

    look: Look
    step: Step
    title: Title
    event_time: EventTime | None
    path: str
    back_path: str
    address: str
    definition: FormDefinition
    values: Mapping[str, Any] = field(default_factory=dict)
    errors: Sequence[FieldError] = ()
    revision: int = 1
    until: EventTime | None = None
    sealed_given: EventTime | None = None
    forget: bool = False
    notice: AnswersNotice = ""
    conflict: tuple[Difference, ...] = ()


def render_answers(page: AnswersPage) -> str:
    """Return the page with the questions of a step."""
    language = page.look.language
    return render_own(
        "answers.html",
        page.look,
        "",
        form_kind=page.definition.kind,
        page=page,
        title=own_text(kind_key(f"{page.step}.title", page.definition.kind), language),
        fields=render_fields(page.definition, language, values=page.values, errors=page.errors),
        summary=render_summary(page.definition, language, page.errors),
        error_prefix=engine_texts().text("error.prefix", language),
        languages_of_form=[(code, name, "") for code, name in LANGUAGE_NAMES.items()],
        script_texts=script_texts(
            language, page.definition.kind, dated=is_dated(page.event_time), verification="email"
        ),
    )


@dataclass(frozen=True, slots=True)
class AnswersClosedPage:
    """Shown when it is too late to change answers."""

    look: Look
    step: Step
    title: Title
    event_time: EventTime | None
    back_path: str
    until: EventTime | None


def render_answers_closed(page: AnswersClosedPage) -> str:
    """Return the page that says since when answers cannot be changed any more."""
    title = own_text(f"{page.step}.title", page.look.language)
    return render_own("answers_closed.html", page.look, page=page, title=title)
