"""What coordinators set of a form, with its effect shown first, and who has changed what."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from flask import Response, jsonify

from services.registration.forms.changes import FormChange, FormDesk, FormEffect, preview_form_change, show_form
from services.registration.forms.opening import closed_reason
from services.registration.forms.schemas import (
    FormAdminSchema,
    FormChangedSchema,
    FormChangeQuery,
    FormChangeSchema,
    FormHistorySchema,
    FormListSchema,
)
from services.registration.forms.service import list_forms
from services.registration.forms.store import StoredForm, settings_of
from shared.web.access import holder, may_touch, needs, require_touch
from shared.web.entity_tags import require_revision
from shared.web.problems import ProblemSchema

NO_VERIFICATION = "Addresses are not confirmed by mail: anyone can register any address."


def add_form_administration(blueprint: Any, desk: FormDesk) -> None:
    """``GET /v1/forms``, ``PATCH /v1/forms/{slug}`` and ``GET /v1/forms/{slug}/history``."""
    _add_list(blueprint, desk)
    _add_change(blueprint, desk)
    _add_history(blueprint, desk)


def _add_list(blueprint: Any, desk: FormDesk) -> None:
    @blueprint.get("")
    @blueprint.response(200, FormListSchema)
    @needs("coordinator", "viewer")
    def list_all() -> dict[str, Any]:
        """All forms, with their seats."""
        return {
            "items": [
                form_for_coordinators(form, desk.clock()) for form in list_forms(desk.work) if may_touch(form.slug)
            ]
        }


def _add_change(blueprint: Any, desk: FormDesk) -> None:
    @blueprint.patch("/<slug>")
    @blueprint.arguments(FormChangeSchema, required=False)
    @blueprint.arguments(FormChangeQuery, location="query")
    @blueprint.response(200, FormChangedSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs("coordinator")
    def change(wanted: dict[str, Any], query: dict[str, Any], slug: str) -> Response:
        """Change seats, opening times, alarm, joining or the partners of a form; `If-Match`: the ETag or revision.

        A higher capacity, a reservation that ends or another way of promotion can give seats to waiting people.
        """
        require_touch(slug)
        current, _ = show_form(desk.work, slug)
        if "partners" in wanted:
            wanted["partners"] = tuple(dict.fromkeys(wanted["partners"]))
        if "reservations" in wanted:
            wanted["reservations"] = tuple(wanted["reservations"])
        settings = replace(settings_of(current), **wanted)
        if query["dry_run"]:
            effect = preview_form_change(desk.work, desk.clock, slug, settings)
            return _answer(effect.form, desk, effect=_for_programs(effect))
        require_revision(current.revision)
        return _answer(desk.change(FormChange(slug, current.revision, holder().name, settings)), desk)


def _add_history(blueprint: Any, desk: FormDesk) -> None:
    @blueprint.get("/<slug>/history")
    @blueprint.response(200, FormHistorySchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs("coordinator", "viewer")
    def history(slug: str) -> dict[str, Any]:
        """The latest 50 changes of a form by coordinators, newest first; its publication is revision 1."""
        require_touch(slug)
        return {"items": [asdict(line) for line in show_form(desk.work, slug)[1]]}


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
        "changes_until": form.changes_until,
        "alarm_minutes": form.alarm_minutes,
        "join_minutes_before": form.join_minutes_before,
        "closed_reason": closed_reason(form.opening, now),
        "verification": form.verification,
        "warning": NO_VERIFICATION if form.verification == "none" else "",
        "partners": list(form.partners),
        **{
            name: seats[name] for name in ("capacity", "confirmed", "waiting", "waiting_list", "offered", "offer_hours")
        },
        "promotion_mode": form.seats.mode,
        "domain_percent": form.seats.pools.domain_percent,
        "reservations": [asdict(pool.reservation) for pool in form.seats.pools.pools],
    }


def _answer(form: StoredForm, desk: FormDesk, **more: Any) -> Response:
    response = jsonify(FormAdminSchema().dump(form_for_coordinators(form, desk.clock())) | more)
    response.set_etag(str(form.revision))
    return response


def _for_programs(effect: FormEffect) -> dict[str, Any]:
    return {
        "promoted": effect.promotion.count,
        "still_waiting": effect.seats.waiting,
        "withheld": effect.promotion.withheld,
        "closed_reason": effect.reason_after,
    }
