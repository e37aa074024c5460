"""Console pages to create, change and withdraw one record; effects are shown before a step is taken.

What is typed becomes the content of a request, so that the same rules apply to both.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response as AnyResponse

from services.events import console
from services.events.console import (
    CHANGED_SINCE_OPENED,
    FormField,
    Section,
    SentForm,
    Typed,
    faults_of,
    in_page_order,
    missing_fields,
    read_fields,
)
from services.events.event.service import EventsContext
from services.events.http import READERS
from services.events.rules import RulesBroken
from services.events.setup.kinds import SetupKind, edit_schema, item_schema, new_schema
from services.events.setup.listing import in_english
from services.events.setup.service import (
    Alteration,
    Creation,
    SetupStep,
    Withdrawal,
    find_one,
    history_of,
    list_all,
    preview_step,
    take_step,
)
from shared.console.frame import pages_blueprint
from shared.http.access import holder, needs_all_forms
from shared.http.headers import personal
from shared.i18n.languages import Text, text_typed, typed_texts
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

YES = "yes"
Texts = dict[str, str | Sequence[str]]

HOME = "/console/set-up"
DONE = {"made": "Created.", "changed": "The changes are saved.", "withdrawn": "Withdrawn."}

FIRST: Mapping[str, str] = {
    "active": "yes",
    "length_minutes": "60",
    "break_minutes": "30",
    "time_zone": "Europe/Zurich",
    "presentations": "1",
}
"""Initial values of some fields of a new record."""


def typed_of(kind: SetupKind[Any], shown: Mapping[str, Any], sections: Sequence[Section]) -> Texts:
    """What the fields hold for a value as the interface shows it."""
    typed: Texts = {}
    for field in (field for section in sections for field in section.fields):
        if field.widget == "languages":
            typed |= typed_texts(field.name, Text.of(shown.get(field.name) or {}))
        else:
            typed[field.name] = _text(kind, field, shown)
    return typed


def read_typed(
    kind: SetupKind[Any], form: SentForm, sections: Sequence[Section], schema: ma.Schema
) -> tuple[Texts, dict[str, Any], dict[str, str]]:
    """Return the typed content as checked by ``schema``, and a sentence for each field with a fault."""
    typed = read_fields(form, sections)
    faults = missing_fields(typed, sections)
    content = {}
    for field in (field for section in sections for field in section.fields):
        if field.name not in schema.fields or field.first in faults:
            continue
        try:
            value = _content(kind, field, typed, schema.fields[field.name])
        except ValueError as error:
            faults[field.first] = f"{error}."
            continue
        if value is not ma.missing:
            content[field.name] = value
    found: dict[str, Any] = {}
    try:
        found = schema.load(content, partial=bool(faults))
    except ma.ValidationError as error:
        known = {field.name: field for section in sections for field in section.fields}
        for name, messages in dict(error.messages_dict).items():
            first, label = (known[name].first, known[name].label) if name in known else (str(name), name)
            faults.setdefault(first, f"{label}: {_first(messages)}")
    return typed, found, faults


def _text(kind: SetupKind[Any], field: FormField, shown: Mapping[str, Any]) -> str | Sequence[str]:
    value = shown.get(field.name)
    if field.name in kind.lines:
        return "\n".join(kind.lines[field.name].write(item, shown) for item in value or ())
    if field.widget == "checks":
        return [str(item) for item in value or ()]
    if isinstance(value, bool):
        return YES if value else ""
    return "" if value is None else str(value)


def _content(kind: SetupKind[Any], field: FormField, typed: Texts, accepts: ma.fields.Field[Any]) -> Any:
    """The content of one field; ``missing`` for one that is left empty and may be left out.

    Raises:
        ValueError: a line of it cannot be read; with a sentence.
    """
    if field.widget == "languages":
        return text_typed(field.name, typed).as_mapping
    value = typed[field.name]
    if field.name in kind.lines:
        lines = [line.strip() for line in str(value).split("\n") if line.strip()]
        return [kind.lines[field.name].read(line, typed) for line in lines]
    if field.widget == "tick":
        return value == YES
    if value == "" and accepts.allow_none:
        return None
    if value == "" and not _accepts_empty(accepts):
        return ma.missing
    return value


def _accepts_empty(accepts: ma.fields.Field[Any]) -> bool:
    lengths = [rule for rule in accepts.validators if isinstance(rule, ma.validate.Length)]
    return isinstance(accepts, ma.fields.String) and any(not rule.min for rule in lengths if rule.min is not None)


def _first(messages: Any) -> str:
    """The first of marshmallow's messages about a field."""
    while isinstance(messages, dict | list) and messages:
        messages = next(iter(messages.values())) if isinstance(messages, dict) else messages[0]
    return str(messages)


class SetupPages:
    """All pages below ``/console/set-up``.

    Args:
        context: transactions and clock.
        kinds: what is set up, in the order of the first page.
    """

    def __init__(self, context: EventsContext, kinds: Sequence[SetupKind[Any]]) -> None:
        self.context = context
        self._kinds = {kind.part: kind for kind in kinds}

    def blueprint(self) -> Blueprint:
        """All of them."""
        made = pages_blueprint("setup_console", __name__)
        made.context_processor(lambda: {"wording": console})
        self._add_home(made)
        self._add_new(made)
        self._add_edit(made)
        self._add_withdrawal(made)
        return made

    def kind(self, part: str) -> SetupKind[Any]:
        """The kind of a part of an address.

        Raises:
            NotFound: there is none.
        """
        if part not in self._kinds:
            raise NotFound
        return self._kinds[part]

    def _add_home(self, blueprint: Blueprint) -> None:
        @blueprint.get("/set-up")
        @needs_all_forms(*READERS)
        def set_up() -> str:
            counts = {part: len(list_all(self.context, kind)) for part, kind in self._kinds.items()}
            coordinator = "coordinator" in holder().roles
            return render_template("setup/home.html", kinds=self._kinds, counts=counts, coordinator=coordinator)

    def _add_new(self, blueprint: Blueprint) -> None:
        @blueprint.get("/set-up/<part>/new")
        @needs_all_forms("coordinator")
        def new_one(part: str) -> Response:
            kind = self.kind(part)
            sections = self.sections(kind, None)
            empty = typed_of(kind, {}, sections)
            given = {name: value for name, value in request.args.items() if name in empty}
            first = {**empty, **FIRST, "held_on": f"{self.context.clock():%Y-%m-%d}", **given}
            return self._page(kind, None, sections, Typed(first, focus=_first_empty(sections, first)))

        @blueprint.post("/set-up/<part>/new")
        @needs_all_forms("coordinator")
        def make_one(part: str) -> AnyResponse:
            kind = self.kind(part)
            sections = self.sections(kind, None)
            typed, content, faults = read_typed(kind, request.form, sections, new_schema(kind)())
            if faults or request.form.get("go") == "back":
                return self._page(
                    kind, None, sections, Typed(typed, in_page_order(faults, sections)), status=422 if faults else 200
                )
            try:
                made = kind.make(content, holder().name, _request_id())
                return self._preview_or_take(kind, None, sections, typed, Creation(made))
            except RulesBroken as error:
                return self._page(kind, None, sections, Typed(typed, faults_of(error, sections)), status=422)

    def _add_edit(self, blueprint: Blueprint) -> None:
        @blueprint.get("/set-up/<part>/<item_id>")
        @needs_all_forms(*READERS)
        def show_one(part: str, item_id: str) -> Response:
            kind = self.kind(part)
            value = find_one(self.context, kind, item_id)
            sections = self.sections(kind, value)
            return self._page(kind, value, sections, Typed(typed_of(kind, self.shown(kind, value), sections)))

        @blueprint.post("/set-up/<part>/<item_id>")
        @needs_all_forms("coordinator")
        def save_one(part: str, item_id: str) -> AnyResponse:
            kind = self.kind(part)
            value = find_one(self.context, kind, item_id)
            if not kind.editable:
                raise NotFound
            sections, seen = self.sections(kind, value), request.form.get("seen", "")
            typed, content, faults = read_typed(kind, request.form, sections, edit_schema(kind)())
            if faults or request.form.get("go") == "back":
                shown = Typed(typed, in_page_order(faults, sections))
                return self._page(kind, value, sections, shown, status=422 if faults else 200, seen=seen)
            try:
                return self._preview_or_take(kind, value, sections, typed, Alteration(item_id, content, {seen}))
            except RulesBroken as error:
                return self._page(kind, value, sections, Typed(typed, faults_of(error, sections)), status=422)

    def _add_withdrawal(self, blueprint: Blueprint) -> None:
        @blueprint.post("/set-up/<part>/<item_id>/withdraw")
        @needs_all_forms("coordinator")
        def withdraw_one(part: str, item_id: str) -> AnyResponse:
            kind = self.kind(part)
            value = find_one(self.context, kind, item_id)
            sections = self.sections(kind, value)
            typed = typed_of(kind, self.shown(kind, value), sections)
            step = Withdrawal(item_id, {request.form.get("seen", "")})
            return self._preview_or_take(kind, value, sections, typed, step)

    def _preview_or_take(
        self,
        kind: SetupKind[Any],
        value: Any,
        sections: Sequence[Section],
        typed: Mapping[str, Any],
        step: SetupStep[Any],
    ) -> AnyResponse:
        """Take the step, or show what it does first; a step without effects is taken at once."""
        try:
            preview = preview_step(self.context, kind, step)
            shows_first = preview.effects or isinstance(step, Withdrawal)
            if shows_first and request.form.get("go") != "do":
                return self._page(kind, value, sections, Typed(typed), preview=preview, step=_name(step))
            new = take_step(self.context, kind, step, holder().name).new
        except DomainError as error:
            if not isinstance(step, Creation) or not self._is_repeated(kind, step, error):
                return self._refused(kind, value, sections, typed, error)
            new = tuple(step.values)
        target = f"{HOME}/{kind.part}"
        if len(new) == 1:
            target += f"/{new[0].id}"
        return redirect(f"{target}?done={_name(step)}", 303)

    def _is_repeated(self, kind: SetupKind[Any], step: Creation[Any], error: DomainError) -> bool:
        """Whether exactly what is to be made is stored: the form was sent twice."""
        if error.code != "already-exists":
            return False
        stored = list_all(self.context, kind)
        return all(value in stored for value in step.values)

    def _refused(
        self,
        kind: SetupKind[Any],
        value: Any,
        sections: Sequence[Section],
        typed: Mapping[str, Any],
        error: DomainError,
    ) -> Response:
        if isinstance(error, RulesBroken):
            raise error
        if error.code != "edit-conflict":
            shown = Typed(typed, {"id": f"This cannot be done: {error.detail}."} if value is None else {})
            return self._page(kind, value, sections, shown, notice=f"This cannot be done: {error.detail}", status=409)
        now = find_one(self.context, kind, value.id)
        stored = typed_of(kind, self.shown(kind, now), sections)
        differs = {name: _plain(kept) for name, kept in stored.items() if kept != typed.get(name)}
        return self._page(kind, now, sections, Typed(typed, {}, differs), notice=CHANGED_SINCE_OPENED, status=412)

    def shown(self, kind: SetupKind[Any], value: Any) -> dict[str, Any]:
        """A value as the interface shows it."""
        content: dict[str, Any] = item_schema(kind)().dump(kind.show(value))
        return content

    def items(self, kind: SetupKind[Any]) -> list[dict[str, Any]]:
        """Every value as the interface shows it."""
        schema = item_schema(kind)(many=True)
        content: list[dict[str, Any]] = schema.dump([kind.show(value) for value in list_all(self.context, kind)])
        return content

    def sections(self, kind: SetupKind[Any], value: Any) -> Sequence[Section]:
        """The fields of a form; ``value`` is the one to change, None for a new one."""
        with self.context.work.transaction() as connection:
            return kind.form(connection, value)

    def _page(
        self,
        kind: SetupKind[Any],
        value: Any,
        sections: Sequence[Section],
        typed: Typed,
        *,
        status: int = 200,
        **more: Any,
    ) -> Response:
        shown = {} if value is None else self.shown(kind, value)
        page = render_template(
            "setup/one.html",
            **{"seen": str(getattr(value, "revision", 1)), "preview": None, "step": "", "notice": "", **more},
            kind=kind,
            value=value,
            shown=shown,
            sections=sections,
            labels={field.name: field.label for section in sections for field in section.fields},
            in_english=in_english,
            typed=typed,
            history=[] if value is None else history_of(self.context, kind, value.id),
            done=DONE.get(request.args.get("done", ""), ""),
            may_change="coordinator" in holder().roles,
            heading=in_english(shown.get(kind.words.columns[0][0])) if value is not None else f"New {kind.words.noun}",
            request_id=_request_id(),
        )
        return personal(make_response(page, status))


def _request_id() -> str:
    """The id in the form, so that a button pressed twice makes one record; a new id for a new form."""
    try:
        return str(UUID(request.form.get("request_id") or new_id()))
    except ValueError:
        raise BadRequest("the id of the request is none") from None


def _name(step: SetupStep[Any]) -> str:
    names = {Creation: "made", Alteration: "changed", Withdrawal: "withdrawn"}
    return names[type(step)]


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def _first_empty(sections: Sequence[Section], values: Mapping[str, str | Sequence[str]]) -> str:
    """The first text field that is empty; empty for none."""
    written = (
        field for section in sections for field in section.fields if field.widget not in ("select", "checks", "tick")
    )
    return next((field.first for field in written if not values.get(field.first)), "")
