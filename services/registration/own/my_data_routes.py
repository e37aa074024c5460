"""*My data* behind a managing link: a page, and the same as a file."""

from collections.abc import Callable
from json import dumps

from flask import Blueprint, Response, request

from services.registration.own.my_data import OwnData, as_json, read_own_data
from services.registration.own.my_data_page import my_data_page, render_my_data
from services.registration.own.responses import gone
from services.registration.public.context import PublicContext
from services.registration.public.responses import look_of, page
from services.registration.public.submitted import own_language
from shared.core.errors import DomainError
from shared.web.access import by_link
from shared.web.headers import personal
from shared.web.limits import limited


def my_data_blueprint(context: PublicContext) -> Blueprint:
    """``/r/<token>/my-data`` and ``/r/<token>/my-data.json``."""
    blueprint = Blueprint("my_data", __name__, url_prefix="/r")

    @blueprint.get("/<token>/my-data")
    @by_link
    @limited("link")
    def show(token: str) -> Response:
        return _answer(context, token, lambda data: _page(token, data))

    @blueprint.get("/<token>/my-data.json")
    @by_link
    @limited("link")
    def download(token: str) -> Response:
        return _answer(context, token, _file)

    return blueprint


def _answer(context: PublicContext, token: str, respond: Callable[[OwnData], Response]) -> Response:
    try:
        data = read_own_data(context.work, token, context.form_view, context.clock())
    except DomainError:
        return gone(context)
    return respond(data)


def _page(token: str, data: OwnData) -> Response:
    look = look_of(own_language(request.args.to_dict(), data.own.person.registration.language), {}, None)
    return page(render_my_data(my_data_page(data, look, f"/r/{token}")), look)


def _file(data: OwnData) -> Response:
    response = Response(dumps(as_json(data), ensure_ascii=False, indent=2), mimetype="application/json")
    response.headers["Content-Disposition"] = "attachment; filename=my-data.json"
    return personal(response)
