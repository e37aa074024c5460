"""What coordinators set of a form, with its effect shown first, and who has changed what."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from flask import Response, jsonify

from services.registration.api.form_change_schemas import (
    FormAdminSchema,
    FormChangedSchema,
    FormChangeQuery,
    FormChangeSchema,
    FormHistorySchema,
)
from services.registration.api.tools import DeskTools
from services.registration.domain.opening import closed_reason
from services.registration.store.forms import StoredForm, settings_of
from services.registration.usecases.change_form import (
    FormChange,
    FormEffect,
    change_form,
    preview_form_change,
    show_form,
)
from shared.web.access import holder, needs, require_touch
from shared.web.entity_tags import require_revision
from shared.web.problems import ProblemSchema

NO_VERIFICATION = "Addresses are not confirmed by mail: anybody could register anybody."


def add_form_changes(blueprint: Any, tools: DeskTools) -> None:
    """``PATCH /v1/forms/{slug}`` and ``GET /v1/forms/{slug}/history``."""
    _add_change(blueprint, tools)
    _add_history(blueprint, tools)


def _add_change(blueprint: Any, tools: DeskTools) -> None:
    @blueprint.patch("/<slug>")
    @blueprint.arguments(FormChangeSchema, required=False)
    @blueprint.arguments(FormChangeQuery, location="query")
    @blueprint.response(200, FormChangedSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def change(wanted: dict[str, Any], query: dict[str, Any], slug: str) -> Response:
        """Change capacity, hours or the switch; `If-Match`: the ETag or revision.

        Raising the capacity promotes people from the waiting list.
        """
        require_touch(slug)
        current, _ = show_form(tools.work, slug)
        settings = replace(settings_of(current), **wanted)
        if query["dry_run"]:
            effect = preview_form_change(tools.work, tools.clock, slug, settings)
            return _answer(effect.form, tools, effect=_for_programs(effect))
        require_revision(current.revision)
        asked = FormChange(slug, current.revision, holder().name, settings)
        changed = change_form(tools.work, tools.clock, tools.messages, asked)
        tools.forget_form(slug)
        return _answer(changed, tools)


def _add_history(blueprint: Any, tools: DeskTools) -> None:
    @blueprint.get("/<slug>/history")
    @blueprint.response(200, FormHistorySchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "viewer")
    def history(slug: str) -> dict[str, Any]:
        """The latest 50 changes of a form by coordinators, newest first."""
        require_touch(slug)
        return {"items": [asdict(line) for line in show_form(tools.work, slug)[1]]}


def form_for_coordinators(form: StoredForm, now: datetime) -> dict[str, Any]:
    """A form as coordinators see it."""
    seats = asdict(form.seats)
    return {
        "slug": form.slug,
        "kind": form.kind,
        "event": form.event_id,
        "revision": form.revision,
        "open": form.open,
        "opens_at": form.opens_at,
        "closes_at": form.closes_at,
        "closed_reason": closed_reason(form.opening, now),
        "verification": form.verification,
        "warning": NO_VERIFICATION if form.verification == "none" else "",
        "partners": list(form.partners),
        **{name: seats[name] for name in ("capacity", "confirmed", "waiting", "waiting_list")},
    }


def _answer(form: StoredForm, tools: DeskTools, **more: Any) -> Response:
    response = jsonify(FormAdminSchema().dump(form_for_coordinators(form, tools.clock())) | more)
    response.set_etag(str(form.revision))
    return response


def _for_programs(effect: FormEffect) -> dict[str, Any]:
    return {
        "promoted": effect.promotion.count,
        "still_waiting": effect.seats.waiting,
        "withheld": effect.promotion.withheld,
        "closed_reason": effect.reason_after,
    }
