"""The form as a page: framed in a partner's page, or on its own where there is no script or no frame."""

from urllib.parse import urlsplit

from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from services.registration.embed.assets import SCRIPT, SCRIPTS, SHEET, pinned_script, script, sheet
from services.registration.embed.pages import Look, render_frame
from services.registration.embed.selftest import SelftestPage, render_selftest
from services.registration.forms.partner_store import Partner
from services.registration.forms.service import find_partner
from services.registration.public.context import PublicContext, counted_look_up
from services.registration.public.form_pages import form_page, in_language
from services.registration.public.responses import closed_html, look_of, page, parent_origin, public_page, refused_page
from services.registration.public.submitted import language_of, read_submitted
from shared.core.errors import DomainError
from shared.core.metrics import intake_requests_total
from shared.web.access import public
from shared.web.bodies import require_form
from shared.web.cross_site import refuse_other_sites
from shared.web.entity_tags import conditional
from shared.web.headers import origin_in
from shared.web.limits import limited
from shared.web.look.sheets import serve_sheet

SCRIPT_KEPT_S = 300
"""The script's address is in partners' pages and never changes: a mended one must reach them within minutes."""

FILE_KEPT_S = 31_536_000
"""Other files carry the mark of their content in their address."""


def embed_blueprint(context: PublicContext) -> Blueprint:
    """Routes below ``/embed``."""
    blueprint = Blueprint("embed", __name__, url_prefix="/embed")
    serve_sheet(blueprint, f"/static/{SHEET}", sheet())

    @blueprint.get("/<slug>")
    @public
    def form(slug: str) -> Response:
        claimed = origin_in(request.args.get("parent", ""))
        try:
            with counted_look_up():
                view = context.form_view(slug)
        except DomainError:
            return refused_page("form-unknown", claimed, slug)
        partner = view.partner(request.args.get("partner", ""))
        parent = parent_origin(partner, claimed)
        if claimed and not parent:
            return refused_page("origin-not-allowed" if partner else "partner-unknown", claimed, slug, partner)
        language = language_of(request.args.to_dict(), partner.language if partner else None)
        look = look_of(language, request.args, partner, parent=parent)
        origins = partner.origins if partner else ()
        if reason := view.refusal(context.clock()):
            intake_requests_total.labels("closed").inc()
            return public_page(closed_html(view, look, reason), look, origins)
        return public_page(render_frame(form_page(context, view, partner, look, parent)), look, origins)

    @blueprint.get("/selftest")
    @public
    def selftest() -> Response:
        return selftest_page(context)

    _add_language_change(blueprint, context)
    _serve_files(blueprint)
    return blueprint


def _add_language_change(blueprint: Blueprint, context: PublicContext) -> None:
    @blueprint.post("/<slug>")
    @public
    @limited("link")
    def form_in_language(slug: str) -> Response:
        with counted_look_up():
            view = context.form_view(slug)
        require_form()
        refuse_other_sites(view.origins)
        submitted = read_submitted(view.definition)
        language = language_of(request.args.to_dict(), None)
        return in_language(context, view, submitted, language)


def _serve_files(blueprint: Blueprint) -> None:
    @blueprint.get(f"/{SCRIPT}")
    @public
    def element() -> Response:
        return _script(SCRIPT, SCRIPT_KEPT_S)

    @blueprint.get("/troika-<mark>.js")
    @public
    def element_of_one_version(mark: str) -> Response:
        if pinned_script()[0] != f"/embed/troika-{mark}.js":
            raise NotFound
        return _script(SCRIPT, FILE_KEPT_S)

    @blueprint.get("/static/<name>")
    @public
    def static_file(name: str) -> Response:
        if name not in SCRIPTS:
            raise NotFound
        return _script(name, FILE_KEPT_S if "v" in request.args else SCRIPT_KEPT_S)


def _script(name: str, kept_s: int) -> Response:
    """A public script. Module scripts are fetched with CORS, so any page may read it; nothing in it is secret."""
    response = Response(script(name).text, mimetype="text/javascript")
    response.cache_control.public, response.cache_control.max_age = True, kept_s
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return conditional(response)


def selftest_page(context: PublicContext) -> Response:
    """The page for the partner that the request names; in a frame it is a list of what works there."""
    partner = find_partner(context.work, request.args.get("partner", ""))
    framed = bool(request.args.get("parent")) or request.headers.get("Sec-Fetch-Dest") in ("iframe", "frame")
    language = language_of(request.args.to_dict(), partner.language if partner else None)
    look = look_of(language, request.args, partner, framed=framed)
    status = 404 if request.args.get("partner") and not partner else 200
    return page(render_selftest(_made(context, look, partner)), look, ("*",) if partner else (), status)


def _made(context: PublicContext, look: Look, partner: Partner | None) -> SelftestPage:
    return SelftestPage(
        look=look,
        home=context.public_url,
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
