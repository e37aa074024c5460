"""Pages on which coordinators make and change forms: a draft, its questions, a preview, and what publishing does."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.console_words import changed_since_opened
from services.registration.embed.pages import FramePage, PageStyle, render_frame, sheet
from services.registration.forms import wording as form_words
from services.registration.forms.designer_fields import (
    KIND_WORDS,
    question_rows,
    question_values,
    read_condition,
    read_question,
    read_settings,
    words_of,
)
from services.registration.forms.drafts import DraftDesk, DraftRefused, FormDraft
from services.registration.forms.limited_keys import EVENTS, own_events, refuse_beyond
from services.registration.forms.new_form import PATH, add_new_form, typed_values
from services.registration.forms.service import list_forms, list_partners, working_group_texts
from services.registration.forms.standard_forms import with_working_groups
from shared.http.access import holder, may_touch, needs, require_touch
from shared.http.headers import PAGE_POLICY, personal
from shared.i18n.languages import LANGUAGE_NAMES, direction
from shared.public_forms.definition import parse_definition
from shared.runtime.errors import DomainError

FORM = "/console/registrations/forms"
SCRIPT = Path(__file__).parent / "static" / "form_draft.js"
WIDTHS = {"wide": "Wide", "phone": "As on a phone"}
"""Of the preview."""
CHECK = "The form was changed after you started this draft. Copy what you need from the draft, then discard it."


def add_designer(blueprint: Blueprint, desk: DraftDesk) -> None:
    """``/console/registrations/new-form`` and ``/console/registrations/form-drafts/<slug>``."""

    @blueprint.get("/registrations/form-draft.js")
    @needs("coordinator")
    def form_draft_script() -> Response:
        return Response(SCRIPT.read_text(encoding="utf-8"), mimetype="text/javascript")

    add_new_form(blueprint, desk)
    _add_draft(blueprint, desk)
    _add_question(blueprint, desk)
    _add_publishing(blueprint, desk)


def _add_draft(blueprint: Blueprint, desk: DraftDesk) -> None:
    @blueprint.get("/registrations/form-drafts/<slug>")
    @needs("coordinator")
    def draft_page(slug: str) -> AnyResponse:
        require_touch(slug)
        try:
            return _page(desk, desk.draft(slug))
        except DomainError as refusal:
            if refusal.code != "not-found" or slug not in {form.slug for form in list_forms(desk.work)}:
                raise
            return redirect(f"{FORM}/{slug}", 303)

    @blueprint.post("/registrations/form-drafts/<slug>")
    @needs("coordinator")
    def change_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = desk.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _page(desk, draft, 412, notice=changed_since_opened("draft"))
        act, _, at = request.form.get("go", "").partition(":")
        if act == "settings":
            content = read_settings(typed_values(), draft.content)
        elif (fields := _rearranged(draft.content.get("fields") or (), act, at)) is not None:
            content = {**draft.content, "fields": fields}
        else:
            raise BadRequest("unknown change")
        return _store(desk, draft, content, "#questions" if at else f"?saved={draft.revision + 1}")


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


def _store(desk: DraftDesk, draft: FormDraft, content: Mapping[str, Any], place: str) -> AnyResponse:
    try:
        refuse_beyond(desk.work, draft.slug, content, holder().forms, draft.content)
        desk.change(draft.slug, content, draft.revision, holder().name)
    except DomainError as refusal:
        if refusal.code == "not-allowed":
            return _page(desk, draft, 403, notice=f"Nothing was saved: {refusal.detail}.")
        if refusal.code != "edit-conflict":
            raise
        return _page(desk, desk.draft(draft.slug), 412, notice=changed_since_opened("draft"))
    return redirect(f"{PATH}/{draft.slug}{place}", 303)


def _preview() -> dict[str, str]:
    """The language and the width that are chosen for the preview on the page."""
    language, width = request.args.get("language", ""), request.args.get("width", "")
    return {
        "language": language if language in LANGUAGE_NAMES else "en",
        "width": width if width in WIDTHS else next(iter(WIDTHS)),
    }


def _page(desk: DraftDesk, draft: FormDraft, status: int = 200, **more: Any) -> Response:
    content, effect = draft.content, desk.effect(draft.slug)
    event = str(content.get("event") or "")
    page = render_template(
        "registrations/draft.html",
        draft=draft,
        content=content,
        effect=replace(effect, problems=[_by_name(one, content.get("fields")) for one in effect.problems]),
        title=words_of(content.get("title")).get("en") or draft.slug,
        titles=words_of(content.get("title")),
        intros=words_of(content.get("intro")),
        rows=question_rows(content.get("fields") or ()),
        kinds=KIND_WORDS,
        form_words=form_words,
        languages=LANGUAGE_NAMES,
        widths=WIDTHS,
        direction=direction,
        events=_events_offered(desk, content),
        unannounced=event if event and event not in desk.event_titles() else "",
        partners=[(partner.slug, partner.name) for partner in list_partners(desk.work, holder().forms)],
        preview=_preview(),
        saved=request.args.get("saved") == str(draft.revision),
        **more,
    )
    response = personal(make_response(page, status))
    response.headers["Content-Security-Policy"] = f"{PAGE_POLICY}; frame-src 'self'"
    return response


def _events_offered(desk: DraftDesk, content: Mapping[str, Any]) -> dict[str, str]:
    """The events that can be chosen: for a limited key those that it covers, and those that are chosen already."""
    chosen = [str(content.get(name) or "") for name in EVENTS]
    titles, forms = desk.event_choices(chosen[0]), holder().forms
    if forms is None:
        return titles
    offered = {*chosen, *own_events(desk.work, forms)}
    return {slug: title for slug, title in titles.items() if slug in offered}


_QUESTION = re.compile(r"/fields/([0-9]+)[/:]\s*(.*)", re.DOTALL)


def _by_name(problem: str, fields: Any) -> str:
    """A problem of a question with the name of the question in place of its position."""
    found = _QUESTION.fullmatch(problem)
    if found is None:
        return problem
    field = fields[int(found[1])]
    name = field.get("name") if isinstance(field, Mapping) else None
    return f"Question {name or int(found[1]) + 1}: {found[2]}"


def _add_question(blueprint: Blueprint, desk: DraftDesk) -> None:
    @blueprint.get("/registrations/form-drafts/<slug>/questions/<position>")
    @needs("coordinator")
    def question_page(slug: str, position: str) -> Response:
        require_touch(slug)
        draft = desk.draft(slug)
        return _question_page(draft, position, _question(draft, position))

    @blueprint.post("/registrations/form-drafts/<slug>/questions/<position>")
    @needs("coordinator")
    def change_question(slug: str, position: str) -> AnyResponse:
        require_touch(slug)
        draft = desk.draft(slug)
        before = _question(draft, position)
        fields = list(draft.content.get("fields") or ())
        at = _place(draft, position)
        typed = typed_values()
        condition, no_condition = read_condition(typed, fields[:at], working_group_texts(desk.work))
        read, fault = read_question(typed, before, condition, fields)
        if fault := fault or no_condition:
            return _question_page(draft, position, read, 422, fault=fault, typed=typed)
        if request.form.get("go") == "kind":
            return _question_page(draft, position, read)
        if request.form.get("seen") != str(draft.revision):
            return _page(desk, draft, 412, notice=changed_since_opened("draft"))
        fields[at : at + (0 if position == "new" else 1)] = [read]
        return _store(desk, draft, {**draft.content, "fields": fields}, "#questions")


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
    *,
    fault: str = "",
    typed: Mapping[str, str] | None = None,
) -> Response:
    """Return the page of a question; with a ``fault`` it shows the choices as they were ``typed``."""
    values = question_values(field)
    if typed is not None:
        values["options"] = typed.get("options", "")
        values["option_labels"] = {one: typed.get(f"options.{one}", "") for one in LANGUAGE_NAMES}
    earlier = (draft.content.get("fields") or ())[: _place(draft, position)]
    page = render_template(
        "registrations/question.html",
        draft=draft,
        position=position,
        values=values,
        fault=fault,
        kinds=KIND_WORDS,
        earlier=[one for one in question_rows(earlier) if one.name],
        languages=LANGUAGE_NAMES,
        direction=direction,
    )
    return personal(make_response(page, status))


def _add_publishing(blueprint: Blueprint, desk: DraftDesk) -> None:
    @blueprint.post("/registrations/form-drafts/<slug>/publish")
    @needs("coordinator")
    def publish_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = desk.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _page(desk, draft, 412, notice=changed_since_opened("draft"))
        try:
            refuse_beyond(desk.work, slug, draft.content, holder().forms)
            if request.form.get("go") != "do":
                return _page(desk, draft, asks="publish")
            form = desk.publish(slug, draft.revision, holder().name)
        except DraftRefused:
            return _page(desk, draft, 422)
        except DomainError as refusal:
            if refusal.code == "not-allowed":
                return _page(desk, draft, 403, notice=f"Nothing was published: {refusal.detail}.")
            if refusal.code != "edit-conflict":
                raise
            return _page(desk, desk.draft(slug), 412, notice=CHECK)
        return redirect(f"{FORM}/{slug}?published={form.revision}", 303)

    @blueprint.post("/registrations/form-drafts/<slug>/discard")
    @needs("coordinator")
    def discard_draft(slug: str) -> AnyResponse:
        require_touch(slug)
        draft = desk.draft(slug)
        if request.form.get("seen") != str(draft.revision):
            return _page(desk, draft, 412, notice=changed_since_opened("draft"))
        if request.form.get("go") != "do":
            return _page(desk, draft, asks="discard")
        try:
            desk.discard(slug, draft.revision, holder().name)
        except DomainError as refusal:
            if refusal.code != "edit-conflict":
                raise
            return _page(desk, desk.draft(slug), 412, notice=changed_since_opened("draft"))
        return redirect(FORM if draft.based_on is None else f"{FORM}/{slug}", 303)


def drafts_for(desk: DraftDesk) -> dict[str, FormDraft]:
    """By slug, those that the caller's key is good for."""
    return {draft.slug: draft for draft in desk.drafts() if may_touch(draft.slug)}


STYLE_LINK = re.compile(r'<link rel="stylesheet"[^>]*>')
PARTS_WITHOUT = re.compile(r"<script\b[^>]*></script>|<nav class=\"languages\".*?</nav>", re.DOTALL)
"""Scripts, and the choice of a language, which sends the form."""


def add_preview(blueprint: Blueprint, desk: DraftDesk) -> None:
    """``/console/registrations/form-drafts/<slug>/preview``, in each language."""

    @blueprint.get("/registrations/form-drafts/<slug>/preview")
    @needs("coordinator")
    def preview(slug: str) -> Response:
        require_touch(slug)
        language = request.args.get("lang", "en")
        if language not in LANGUAGE_NAMES:
            raise BadRequest("unknown language")
        content = desk.draft(slug).content
        own = {name: content[name] for name in ("kind", "title", "intro", "fields") if name in content}
        try:
            definition = parse_definition({"slug": slug, "version": 1, **own})
        except ValueError as fault:
            raise DomainError("form-incomplete", f"the draft cannot be shown yet: {fault}") from None
        shown = with_working_groups(definition, working_group_texts(desk.work)).first_step
        return _without_acts(render_frame(FramePage(PageStyle(language), shown, None, "", "")), language)


def _without_acts(html: str, language: str) -> Response:
    """The page of a form that no one can send: no script, and its style in it, which another host serves otherwise."""
    style = sheet().text
    page = PARTS_WITHOUT.sub("", STYLE_LINK.sub(lambda _: f"<style>{style}</style>", html))
    digest = b64encode(sha256(style.encode()).digest()).decode()
    response = personal(make_response(page))
    response.headers["Content-Security-Policy"] = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'none'; base-uri 'none'; "
        "frame-ancestors 'self'"
    )
    response.headers["Content-Language"] = language
    return response
