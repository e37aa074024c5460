"""*My registrations*: mails the link to all registrations of an address, and never shows whether any exist."""

from flask import Blueprint as PageBlueprint
from flask import Response, request

from services.registration.embed.receipt_pages import (
    MyNotice,
    MyPage,
    my_path,
    render_my,
)
from services.registration.forms.service import first_form
from services.registration.public.context import PublicContext, page_style_of
from services.registration.public.responses import page, see_other
from services.registration.public.submissions import client_network
from services.registration.public.submitted import language_of
from shared.http.access import public
from shared.http.problems import retry_after_s
from shared.http.request_data import require_form
from shared.public_forms.addresses import normal_address
from shared.runtime.errors import Unavailable
from shared.security.rate_limits import limited


def my_registrations_blueprint(context: PublicContext) -> PageBlueprint:
    """``/my``."""
    blueprint = PageBlueprint("my_registrations", __name__)

    @blueprint.get("/my")
    @public
    def show() -> Response:
        return _page(sent="sent" in request.args)

    @blueprint.post("/my")
    @public
    @limited("intake")
    def send() -> Response:
        require_form()
        typed = request.form.get("email", "")
        try:
            address = normal_address(typed)
        except ValueError:
            return _page(address=typed[:MAX_SHOWN], notice="address", status=422)
        if not request.form.get("website"):
            try:
                _store(context, address)
            except Unavailable:
                response = _page(address=typed, notice="busy", status=503)
                response.headers["Retry-After"] = str(retry_after_s())
                return response
        language = language_of(request.form.to_dict(), None)
        return see_other(f"{my_path(language)}&sent=1")

    return blueprint


MAX_SHOWN = 254
"""Characters of what was typed, that are shown again."""


def _store(context: PublicContext, address: str) -> None:
    """One row for the decider. It names the first form of all, as every row names one; without any there is no one."""
    slug = first_form(context.work)
    if not slug:
        return
    view = context.form_view(slug)
    language = language_of(request.form.to_dict(), None)
    context.intake.request_list(view, address, language, client_network(context))


def _page(*, sent: bool = False, address: str = "", notice: MyNotice = "", status: int = 200) -> Response:
    style = page_style_of(language_of(request.values.to_dict(), None), {}, None)
    return page(render_my(MyPage(style, sent, address, notice)), style, status=status)
