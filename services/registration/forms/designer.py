"""Pages on which coordinators make and change forms: a draft, its questions, and what publishing does."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened, changed_since_typed
from services.registration.forms import wording as form_words
from services.registration.forms.designer_fields import (
    KIND_WORDS,
    QUESTION_WORDS,
    QuestionRow,
    question_rows,
    question_values,
    read_condition,
    read_question,
    read_settings,
    words_of,
)
from services.registration.forms.drafts import DraftRefused, DraftsContext, FormDraft
from services.registration.forms.limited_keys import EVENTS, own_events, refuse_beyond
from services.registration.forms.new_form import PATH, add_new_form, typed_values
from services.registration.forms.service import list_forms, list_partners, working_group_texts
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.headers import PAGE_POLICY, personal
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.runtime.errors import DomainError

FORM = "/console/registrations/forms"
SCRIPT = Path(__file__).parent / "static" / "form_draft.js"
WIDTHS = {"wide": "Wide", "phone": "As on a phone"}
"""Of the preview."""
SETTING_TITLES = {
    **form_words.SETTING_WORDS,
    "partners": "Partners",
    "capacity": "Number of seats",
    "fields": "Questions",
}
CHECK = "The form was changed after you started this draft. Copy what you need from the draft, then discard it."


def add_designer(blueprint: Blueprint, context: DraftsContext) -> None:
    """``/console/registrations/new-form`` and ``/console/registrations/form-drafts/<slug>``."""

    @blueprint.get("/registrations/form-draft.js")
    @needs("coordinator")
    def form_draft_script() -> Response:
        return Response(SCRIPT.read_text(encoding="utf-8"), mimetype="text/javascript")

    add_new_form(blueprint, context)
    _add_draft(blueprint, context)
    _add_question(blueprint, context)
    _add_publishing(blueprint, context)


def _add_draft(blueprint: Blueprint, context: DraftsContext) -> None:
    @blueprint.get("/registrations/form-drafts/<slug>")
    @needs("coordinator")
    def draft_page(slug: str) -> AnyResponse:
        require_touch(slug)
        try:
            return _page(context, context.draft(slug))
        except DomainError as refusal:
            if refusal.code != "not-found" or slug not in {form.slug for form in list_forms(context.work)}:
                raise
            return redirect(f"{FORM}/{slug}", 303)

    @blueprint.post("/registrations/form-drafts/<slug>")
    @needs("coordinator")
    def change_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = context.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _settings_conflict(context, slug)
        act, _, at = request.form.get("go", "").partition(":")
        if act == "remove" and request.form.get("sure") != "yes":
            return _page(context, draft, removing=_question_named(draft, at))
        if act == "settings":
            content = read_settings(typed_values(), draft.content)
        elif (fields := _rearranged(draft.content.get("fields") or (), act, at)) is not None:
            content = {**draft.content, "fields": fields}
        else:
            raise BadRequest("unknown change")
        place = "#questions" if at else f"?saved={draft.revision + 1}"
        return _store(context, draft, content, place, _settings_conflict)


def _question_named(draft: FormDraft, at: str) -> QuestionRow:
    """The question that is to be removed."""
    if not at.isdecimal():
        raise BadRequest("unknown change")
    return question_rows(draft.content.get("fields") or ())[_place(draft, at)]


def _rearranged(fields: Sequence[Any], act: str, at: str) -> list[Any] | None:
    """The questions after ``up``, ``down`` or ``remove`` at a position, or ``move`` from one to another (``3:1``).

    As they are if there is no such position. None if it is none of these.
    """
    start, _, end = at.partition(":")
    if act not in ("up", "down", "remove", "move") or not start.isdecimal() or (act == "move") != end.isdecimal():
        return None
    found, position = list(fields), int(start)
    to = int(end) if end else position + {"up": -1, "down": 1}.get(act, 0)
    if 0 <= position < len(found) and 0 <= to < len(found):
        question = found.pop(position)
        if act != "remove":
            found.insert(to, question)
    return found


def _settings_conflict(context: DraftsContext, slug: str) -> Response:
    """The page of the draft as it is now, with the settings as they were typed, if that was what was sent."""
    draft = context.draft(slug)
    if request.form.get("go") != "settings":
        return _page(context, draft, 412, notice=changed_since_opened("draft"))
    typed = read_settings(typed_values(), draft.content)
    notice = changed_since_typed("draft", _with_defaults(typed), _with_defaults(draft.content), SETTING_TITLES)
    return _page(context, draft, 412, settings=typed, notice=notice)


def _with_defaults(content: Mapping[str, Any]) -> dict[str, Any]:
    """Settings to compare: a draft may leave out what has its default value, and list partners in any order."""
    partners = sorted(map(str, content.get("partners") or ()))
    return {"verification": "email", "waiting_list": True, **content, "partners": partners}


def _store(
    context: DraftsContext,
    draft: FormDraft,
    content: Mapping[str, Any],
    place: str,
    conflict: Callable[[DraftsContext, str], Response],
) -> AnyResponse:
    """Store ``content`` and go to ``place`` on the draft's page; ``conflict`` is the answer if another was faster."""
    try:
        refuse_beyond(context.work, draft.slug, content, holder().forms, draft.content)
        context.change(draft.slug, content, draft.revision, holder().name)
    except DomainError as refusal:
        if refusal.code == "not-allowed":
            return _page(context, draft, 403, settings=content, notice=f"Nothing was saved: {refusal.detail}.")
        if refusal.code != "edit-conflict":
            raise
        return conflict(context, draft.slug)
    return redirect(f"{PATH}/{draft.slug}{place}", 303)


def _preview() -> dict[str, str]:
    """The language and the width that are chosen for the preview on the page."""
    language, width = request.args.get("language", ""), request.args.get("width", "")
    return {
        "language": language if language in LANGUAGE_NAMES else "en",
        "width": width if width in WIDTHS else next(iter(WIDTHS)),
    }


def _page(
    context: DraftsContext, draft: FormDraft, status: int = 200, settings: Mapping[str, Any] | None = None, **more: Any
) -> Response:
    """The page of a draft; ``settings`` are shown in place of those that are stored."""
    effect, event = context.effect(draft.slug), str(draft.content.get("event") or "")
    content, fields = draft.content if settings is None else settings, draft.content.get("fields") or ()
    page = render_template(
        "registrations/draft.html",
        draft=draft,
        content=content,
        effect=replace(effect, problems=[problem_text(problem, fields) for problem in effect.problems]),
        title=words_of(draft.content.get("title")).get("en") or draft.slug,
        titles=words_of(content.get("title")),
        intros=words_of(content.get("intro")),
        rows=question_rows(fields),
        kinds=KIND_WORDS,
        form_words=form_words,
        languages=LANGUAGE_NAMES,
        widths=WIDTHS,
        direction=direction,
        events=_events_offered(context, content),
        unannounced=event if event and event not in context.event_titles() else "",
        partners=[(partner.slug, partner.name) for partner in list_partners(context.work, holder().forms)],
        preview=_preview(),
        saved=request.args.get("saved") == str(draft.revision),
        **more,
    )
    response = personal(make_response(page, status))
    response.headers["Content-Security-Policy"] = f"{PAGE_POLICY}; frame-src 'self'"
    return response


def _events_offered(context: DraftsContext, content: Mapping[str, Any]) -> dict[str, str]:
    """The events that can be chosen: for a limited key those that it covers, and those that are chosen already."""
    chosen = [str(content.get(name) or "") for name in EVENTS]
    titles, forms = context.event_choices(chosen[0]), holder().forms
    if forms is None:
        return titles
    offered = {*chosen, *own_events(context.work, forms)}
    return {slug: title for slug, title in titles.items() if slug in offered}


_QUESTION = re.compile(r"/fields/([0-9]+)[/:]\s*(.*)", re.DOTALL)
_SETTING = re.compile(r"/([a-z_]+)(?:/([a-z]{2}))?: (.*)", re.DOTALL)


def problem_text(problem: str, fields: Any) -> str:
    """A problem of a draft with what the page calls its place: the setting, or the short name of the question."""
    found = _QUESTION.fullmatch(problem)
    if found is None:
        setting = _SETTING.fullmatch(problem)
        if setting is None or setting[1] not in SETTING_TITLES:
            return problem
        language = f" ({LANGUAGE_NAMES[setting[2]]})" if setting[2] in LANGUAGE_NAMES else ""
        return f"{SETTING_TITLES[setting[1]]}{language}: {setting[3]}"
    field = fields[int(found[1])]
    name = field.get("name") if isinstance(field, Mapping) else None
    return f"Question {name or int(found[1]) + 1}: {found[2]}"


def _add_question(blueprint: Blueprint, context: DraftsContext) -> None:
    @blueprint.get("/registrations/form-drafts/<slug>/questions/<position>")
    @needs("coordinator")
    def question_page(slug: str, position: str) -> Response:
        require_touch(slug)
        draft = context.draft(slug)
        return _question_page(draft, position, _question(draft, position))

    @blueprint.post("/registrations/form-drafts/<slug>/questions/<position>")
    @needs("coordinator")
    def change_question(slug: str, position: str) -> AnyResponse:
        require_touch(slug)
        draft = context.draft(slug)
        conflict = partial(_question_conflict, position=position)
        if request.form.get("seen") != str(draft.revision):
            return conflict(context, slug)
        read, fault = _typed_question(context, draft, position)
        if fault:
            return _question_page(draft, position, read, 422, typed=typed_values(), fault=fault)
        if request.form.get("go") == "kind":
            return _question_page(draft, position, read)
        fields, at = list(draft.content.get("fields") or ()), _place(draft, position)
        fields[at : at + (0 if position == "new" else 1)] = [read]
        return _store(context, draft, {**draft.content, "fields": fields}, "#questions", conflict)


def _typed_question(context: DraftsContext, draft: FormDraft, position: str) -> tuple[dict[str, Any], str]:
    """The question that was typed, and what is wrong with its condition or its choices."""
    typed, fields = typed_values(), draft.content.get("fields") or ()
    earlier = fields[: _place(draft, position)]
    condition, no_condition = read_condition(typed, earlier, working_group_texts(context.work))
    read, fault = read_question(typed, _question(draft, position), condition, fields)
    return read, fault or no_condition


def _question_conflict(context: DraftsContext, slug: str, position: str) -> Response:
    """The page of the question as it was typed, in the draft as it is now: it may have another position, or be new."""
    draft = context.draft(slug)
    now = _position_now(draft, position, request.form.get("was", request.form.get("name", "")))
    read, _ = _typed_question(context, draft, now)
    stored, titles = question_values(_question(draft, now)), QUESTION_WORDS if now != "new" else {}
    notice = changed_since_typed("draft", question_values(read), stored, titles)
    if now == "new" and position != "new":
        notice += " The question was removed from the draft: saving it adds it again."
    return _question_page(draft, now, read, 412, typed=typed_values(), notice=notice)


def _position_now(draft: FormDraft, position: str, was: str) -> str:
    """Position of the question that was called ``was`` when its page was opened; ``new`` if it is gone or was new."""
    names = _names(draft)
    by_position = {str(number): name for number, name in enumerate(names)}
    if position == "new" or by_position.get(position) == was:
        return position
    return str(names.index(was)) if was and was in names else "new"


def _names(draft: FormDraft) -> list[str]:
    fields = draft.content.get("fields") or ()
    return [str(field.get("name", "")) if isinstance(field, Mapping) else "" for field in fields]


def _place(draft: FormDraft, position: str) -> int:
    """Return the position of a question; a new one is before the consents at the end."""
    fields = draft.content.get("fields") or ()
    if position == "new":
        count = len(fields)
        while count and isinstance(fields[count - 1], Mapping) and fields[count - 1].get("kind") == "consent":
            count -= 1
        return count
    if not position.isdecimal() or len(position) > 3 or int(position) >= len(fields):
        raise NotFound
    return int(position)


def _question(draft: FormDraft, position: str) -> Mapping[str, Any]:
    if position == "new":
        kind = request.args.get("kind", "text")
        return {"kind": kind if kind in KIND_WORDS else "text"}
    found = (draft.content.get("fields") or ())[_place(draft, position)]
    return found if isinstance(found, Mapping) else {}


def _question_page(
    draft: FormDraft,
    position: str,
    field: Mapping[str, Any],
    status: int = 200,
    typed: Mapping[str, str] | None = None,
    **more: str,
) -> Response:
    """Return the page of a question, with the choices as they were ``typed``; ``more``: a ``fault`` or a ``notice``."""
    values = question_values(field)
    if typed is not None:
        values["options"] = typed.get("options", "")
        values["option_labels"] = {language: typed.get(f"options.{language}", "") for language in LANGUAGE_NAMES}
    earlier = (draft.content.get("fields") or ())[: _place(draft, position)]
    page = render_template(
        "registrations/question.html",
        draft=draft,
        position=position,
        was="" if position == "new" else _names(draft)[int(position)],
        values=values,
        kinds=KIND_WORDS,
        earlier=[row for row in question_rows(earlier) if row.name],
        languages=LANGUAGE_NAMES,
        direction=direction,
        **more,
    )
    return personal(make_response(page, status))


def _add_publishing(blueprint: Blueprint, context: DraftsContext) -> None:
    @blueprint.post("/registrations/form-drafts/<slug>/publish")
    @needs("coordinator")
    def publish_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = context.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _page(context, draft, 412, notice=changed_since_opened("draft"))
        try:
            refuse_beyond(context.work, slug, draft.content, holder().forms)
            if request.form.get("go") != "do":
                return _page(context, draft, asks="publish")
            form = context.publish(slug, draft.revision, holder().name)
        except DraftRefused:
            return _page(context, draft, 422)
        except DomainError as refusal:
            if refusal.code == "not-allowed":
                return _page(context, draft, 403, notice=f"Nothing was published: {refusal.detail}.")
            if refusal.code != "edit-conflict":
                raise
            return _page(context, context.draft(slug), 412, notice=CHECK)
        return redirect(f"{FORM}/{slug}?published={form.revision}", 303)

    @blueprint.post("/registrations/form-drafts/<slug>/discard")
    @needs("coordinator")
    def discard_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = context.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _page(context, draft, 412, notice=changed_since_opened("draft"))
        if request.form.get("go") != "do":
            return _page(context, draft, asks="discard")
        try:
            context.discard(slug, draft.revision, holder().name)
        except DomainError as refusal:
            if refusal.code != "edit-conflict":
                raise
            return _page(context, context.draft(slug), 412, notice=changed_since_opened("draft"))
        return redirect(FORM if draft.based_on is None else f"{FORM}/{slug}", 303)


def drafts_for(context: DraftsContext) -> dict[str, FormDraft]:
    """The drafts that the caller's key covers, by slug."""
    return {draft.slug: draft for draft in context.drafts() if may_touch(draft.slug)}
