"""``/embed/selftest``: what works in a partner's page. Any page may frame it: there is nothing in it to press."""

from urllib.parse import urlsplit

from flask import Response, request

from services.registration.api.looks import look_of, page
from services.registration.api.submitted import language_of
from services.registration.api.tools import Tools
from services.registration.embed.pages import Look
from services.registration.embed.selftest import SelftestPage, render_selftest
from services.registration.store.forms import Partner
from services.registration.usecases.look_up import find_partner
from shared.web.headers import origin_in


def selftest_page(tools: Tools) -> Response:
    """The page for the partner that the request names; in a frame it is a list of what works there."""
    partner = find_partner(tools.work, request.args.get("partner", ""))
    framed = bool(request.args.get("parent")) or request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    look = look_of(language, request.args, partner, framed=framed)
    status = 404 if request.args.get("partner") and not partner else 200
    return page(render_selftest(_made(tools, look, partner)), look, ("*",) if partner else (), status)


def _made(tools: Tools, look: Look, partner: Partner | None) -> SelftestPage:
    return SelftestPage(
        look=look,
        home=tools.public_url,
        partner=partner.slug if partner else "",
        origins=partner.origins if partner else (),
        parent=origin_in(request.args.get("parent", "")),
        came_from=origin_in(_origin_of(request.headers.get("Referer", ""))),
    )


def _origin_of(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}"
