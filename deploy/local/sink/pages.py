"""The inbox as pages and as JSON. Mails are hostile: everything is escaped, and their HTML runs in a sealed frame."""

from dataclasses import asdict
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, jsonify, render_template, request

from deploy.local.sink.folder import MailFolder
from deploy.local.sink.reading import MailSummary, html_part, summarise, view
from shared.runtime.clock import rfc3339

SHOWN = 200
"""Mails on the page; the JSON list has all of them."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; frame-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
MAIL_POLICY = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""For a mail's own HTML: no script, no form, no request to anywhere, an opaque origin."""

_pages = Blueprint("sink", __name__)


def create_app(folder: MailFolder) -> Flask:
    """The pages over one folder."""
    app = Flask(__name__)
    app.extensions["sink"] = Inbox(folder)
    app.add_template_filter(readable, "moment")
    app.register_blueprint(_pages)
    app.after_request(_seal)
    return app


class Inbox:
    """A folder read with a memory: a mail never changes, so each is parsed once."""

    def __init__(self, folder: MailFolder) -> None:
        self.folder = folder
        self._summary = lru_cache(maxsize=50_000)(self._parse)

    def summaries(self, limit: int | None = None) -> list[MailSummary]:
        """The mails there are, newest first, at most ``limit``."""
        return [self._summary(mail_id) for mail_id in self.folder.identifiers()[:limit]]

    def _parse(self, mail_id: str) -> MailSummary:
        return summarise(mail_id, self.folder.read(mail_id) or b"")


def _inbox() -> Inbox:
    inbox: Inbox = current_app.extensions["sink"]
    return inbox


def _content(mail_id: str) -> bytes:
    content = _inbox().folder.read(mail_id)
    if content is None:
        abort(404)
    return content


@_pages.get("/")
def inbox() -> str:
    """The list of mails."""
    count = len(_inbox().folder.identifiers())
    return render_template("inbox.html", mails=_inbox().summaries(SHOWN), count=count, shown=SHOWN)


@_pages.get("/mails.json")
def mails_json() -> Response:
    """All mails as JSON, newest first; ``?to=`` keeps those to one address."""
    wanted = request.args.get("to")
    return jsonify([as_json(mail) for mail in _inbox().summaries() if wanted in (None, mail.to)])


@_pages.get("/mails/<mail_id>")
def mail(mail_id: str) -> str:
    """One mail, opened."""
    return render_template("mail.html", mail=view(mail_id, _content(mail_id)))


@_pages.get("/mails/<mail_id>/html")
def mail_html(mail_id: str) -> Response:
    """The mail's own HTML, for the frame of the page above."""
    html = html_part(_content(mail_id))
    if html is None:
        abort(404)
    response = Response(html.encode("utf-8", "replace"), content_type="text/html; charset=utf-8")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@_pages.get("/mails/<mail_id>.eml")
def mail_source(mail_id: str) -> Response:
    """The bytes as they came, as a download."""
    response = Response(_content(mail_id), content_type="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="{mail_id}.eml"'
    return response


@_pages.get("/livez")
def livez() -> Response:
    """Whether the sink answers."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


def as_json(mail: MailSummary) -> dict[str, Any]:
    """A summary as the JSON list has it."""
    return asdict(mail) | {"received_at": rfc3339(mail.received_at)}


def readable(text: str) -> str:
    """An ISO 8601 date-time for reading: ``Wednesday 4 March 2020, 14:00 (UTC-05:00)``; other text as it is."""
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return text
    zone = f" ({value.tzname()})" if value.tzinfo is not None else ""
    return f"{value:%A %-d %B %Y, %H:%M}{zone}"


def _seal(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    if not request.path.startswith("/static/"):
        response.headers["Cache-Control"] = "no-store"
    return response
