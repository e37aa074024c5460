"""``/v1/access``: who has access to what, for programs of administrators."""

from datetime import datetime
from typing import Any
from uuid import UUID

import marshmallow as ma
from flask import Response, jsonify
from werkzeug.exceptions import NotFound

from services.registration.access.model import ADMINISTRATOR, Grant, Granted, is_readable
from services.registration.access.service import (
    AccessContext,
    ConsoleSessions,
    NewColleague,
    change,
    invite,
    invite_again,
    revoke,
    withdraw,
)
from services.registration.access.sign_in_pages import SESSION_ID
from shared.http.access import holder, needs_all_forms, needs_recent_sign_in
from shared.http.headers import require_revision
from shared.http.holders import MAX_HOLDER_NAME_LENGTH
from shared.http.problems import ProblemSchema
from shared.http.request_data import Blueprint
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.payloads import ROLES
from shared.messaging.contracts.schemas import SLUG
from shared.public_forms.addresses import email_field, normal_address
from shared.runtime.schema_fields import in_known_years

_SLUG = ma.validate.Regexp(SLUG)


def _readable(name: str) -> None:
    if not is_readable(name):
        raise ma.ValidationError(
            "a name on one line is required, without invisible characters, addresses or words of mixed alphabets"
        )


class GrantSchema(ma.Schema):
    """Access of a person."""

    class Meta:
        unknown = ma.RAISE

    roles = ma.fields.List(
        ma.fields.String(validate=ma.validate.OneOf(ROLES)), required=True, validate=ma.validate.Length(min=1, max=6)
    )
    forms = ma.fields.List(
        ma.fields.String(validate=[_SLUG, ma.validate.Length(max=80)]),
        allow_none=True,
        load_default=None,
        validate=ma.validate.Length(min=1, max=200),
        metadata={"description": "Null: all forms"},
    )
    partner = ma.fields.String(
        allow_none=True,
        load_default=None,
        validate=[_SLUG, ma.validate.Length(max=80)],
        metadata={"description": "Slug of the partner, only for the role `partner`"},
    )
    until = ma.fields.AwareDateTime(
        format="iso",
        allow_none=True,
        load_default=None,
        validate=in_known_years,
        metadata={"description": "When it expires"},
    )


class LinkSchema(ma.Schema):
    """Address for a link. The address is not kept."""

    class Meta:
        unknown = ma.RAISE

    email = email_field()
    language = ma.fields.String(load_default="en", validate=ma.validate.OneOf(LANGUAGES))


class InviteSchema(GrantSchema):
    """An invitation: the person, and the access."""

    name = ma.fields.String(
        required=True,
        validate=[ma.validate.Length(min=1, max=MAX_HOLDER_NAME_LENGTH), _readable],
        metadata={"description": "One line of visible characters, unique among colleagues; used in the audit log"},
    )
    email = email_field()
    language = ma.fields.String(load_default="en", validate=ma.validate.OneOf(LANGUAGES))


class AccessSchema(ma.Schema):
    """The access of one holder."""

    id = ma.fields.UUID(required=True)
    name = ma.fields.String(required=True)
    roles = ma.fields.List(ma.fields.String(), required=True)
    forms = ma.fields.List(ma.fields.String(), required=True, allow_none=True)
    partner = ma.fields.String(required=True, allow_none=True)
    until = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)
    revision = ma.fields.Integer(required=True)
    state = ma.fields.String(
        required=True, validate=ma.validate.OneOf(["active", "invited", "expired", "without-sign-in"])
    )
    keys = ma.fields.Integer(required=True)
    passkeys = ma.fields.Integer(required=True)
    invited_by = ma.fields.String(required=True, allow_none=True)
    invited_until = ma.fields.AwareDateTime(format="iso", required=True, allow_none=True)


class AccessListSchema(ma.Schema):
    """Everyone with access, by name; entries of the access file are not among them."""

    items = ma.fields.List(ma.fields.Nested(AccessSchema), required=True)


class SessionSchema(ma.Schema):
    """A session of the console that has not ended."""

    id = ma.fields.String(required=True)
    name = ma.fields.String(required=True)
    method = ma.fields.String(required=True, metadata={"description": "`key` or `passkey`"})
    browser = ma.fields.String(required=True, metadata={"description": "Its family; no client address is kept"})
    since = ma.fields.AwareDateTime(format="iso", required=True)
    last_seen_at = ma.fields.AwareDateTime(format="iso", required=True, metadata={"description": "To five minutes"})


class SessionListSchema(ma.Schema):
    """Sessions, last seen first."""

    items = ma.fields.List(ma.fields.Nested(SessionSchema), required=True)


def access_api(context: AccessContext, sessions: ConsoleSessions) -> Any:
    """``/v1/access``."""
    blueprint = Blueprint("access", __name__, url_prefix="/v1/access", description="Who has access to what")
    _add_list(blueprint, context)
    _add_one(blueprint, context)
    _add_links(blueprint, context)
    _add_sessions(blueprint, sessions)
    return blueprint


def _add_list(blueprint: Any, context: AccessContext) -> None:
    @blueprint.get("")
    @blueprint.response(200, AccessListSchema)
    @needs_all_forms(ADMINISTRATOR)
    def list_them() -> dict[str, Any]:
        """All invited colleagues, by name. The access file of the server is not included."""
        now = context.clock()
        return {"items": [_public(grant, now) for grant in context.granted()]}

    @blueprint.post("")
    @blueprint.arguments(InviteSchema)
    @blueprint.response(201, AccessSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def invite_one(content: dict[str, Any]) -> tuple[dict[str, Any], int]:
        """Invite a colleague by mail. Its link works once, within seven days. Only access of your own can be given."""
        new = NewColleague(content["name"], normal_address(content["email"]), content["language"], _grant(content))
        return _public(context.one(invite(context, holder(), new)), context.clock()), 201


def _add_one(blueprint: Any, context: AccessContext) -> None:
    @blueprint.get("/<uuid:holder_id>")
    @blueprint.response(200, AccessSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms(ADMINISTRATOR)
    def show(holder_id: UUID) -> Response:
        """Access of a colleague. `ETag` has the revision."""
        return _tagged(context, str(holder_id))

    @blueprint.patch("/<uuid:holder_id>")
    @blueprint.arguments(GrantSchema(partial=True))
    @blueprint.response(200, AccessSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def change_it(content: dict[str, Any], holder_id: UUID) -> Response:
        """Change the access of a colleague; `If-Match` is required. The last administrator cannot lose the role."""
        identity = str(holder_id)
        before = context.one(identity)
        require_revision(before.revision)
        kept = {name: value for name, value in _public(before, context.clock()).items() if name in GrantSchema().fields}
        change(context, holder(), identity, _grant({**kept, **content}), before.revision)
        return _tagged(context, identity)

    @blueprint.delete("/<uuid:holder_id>")
    @blueprint.response(204)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def revoke_it(holder_id: UUID) -> None:
        """End an access permanently, with its keys, passkeys, links and sessions."""
        revoke(context, holder(), str(holder_id))


def _add_links(blueprint: Any, context: AccessContext) -> None:
    @blueprint.post("/<uuid:holder_id>/invitation")
    @blueprint.arguments(LinkSchema)
    @blueprint.response(202)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_recent_sign_in
    @needs_all_forms(ADMINISTRATOR)
    def send_again(content: dict[str, Any], holder_id: UUID) -> None:
        """Mail a new link: earlier ones end, and using it replaces every passkey and key that the holder has."""
        invite_again(context, holder(), str(holder_id), normal_address(content["email"]), content["language"])

    @blueprint.delete("/<uuid:holder_id>/invitation")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms(ADMINISTRATOR)
    def withdraw_it(holder_id: UUID) -> None:
        """Withdraw an invitation that was not used."""
        withdraw(context, holder(), str(holder_id))


def _add_sessions(blueprint: Any, sessions: ConsoleSessions) -> None:
    @blueprint.get("/sessions")
    @blueprint.response(200, SessionListSchema)
    @needs_all_forms(ADMINISTRATOR)
    def list_sessions() -> dict[str, Any]:
        """Sessions of the console that have not ended, last seen first."""
        return {"items": sessions.live()}

    @blueprint.delete("/sessions/<session>")
    @blueprint.response(204)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_all_forms(ADMINISTRATOR)
    def end_session(session: str) -> None:
        """End a session, in every service."""
        if not SESSION_ID.match(session) or not sessions.end_one(session, holder().name, only_own=False):
            raise NotFound


def _grant(content: dict[str, Any]) -> Grant:
    forms = content["forms"]
    limited = None if forms is None else frozenset(forms)
    return Grant(frozenset(content["roles"]), limited, content["partner"], content["until"])


def _tagged(context: AccessContext, holder_id: str) -> Response:
    granted = context.one(holder_id)
    answer = jsonify(AccessSchema().dump(_public(granted, context.clock())))
    answer.headers["ETag"] = f'"{granted.revision}"'
    return answer


def _public(granted: Granted, now: datetime) -> dict[str, Any]:
    grant = granted.grant
    return {
        "id": granted.id,
        "name": granted.name,
        "roles": sorted(grant.roles),
        "forms": None if grant.forms is None else sorted(grant.forms),
        "partner": grant.partner,
        "until": grant.until,
        "revision": granted.revision,
        "state": granted.state(now),
        "keys": granted.keys,
        "passkeys": granted.passkeys,
        "invited_by": granted.invited_by,
        "invited_until": granted.invited_until,
    }
