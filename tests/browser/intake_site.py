"""The public pages of the intake on a separate address, with their policies; a test decides the answers."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from services.registration.embed.pages import SCRIPTS, SHEET, PageStyle, render_frame, script, sheet, submissions_path
from services.registration.embed.receipt_pages import ReceiptStatus, render_receipt, render_received
from services.registration.embed.strings import submission_texts
from services.registration.forms.standard_forms import standard_form
from services.registration.intake.model import Choice, Result
from services.registration.own.confirmation_page import ConfirmationPage, read_choices, render_confirmation
from shared.http.headers import kept_page_policy
from shared.public_forms.proof_of_work import new_challenge, proof_keys
from tests.support.intake_pages import (
    FRAME,
    OWN_FORM,
    PATH,
    PENDING,
    RECEIPT,
    RECEIPT_PAGE,
    RECEIVED,
    WHEN,
    with_results,
)
from tests.support.intake_pages import every_page as every_page
from tests.support.own_pages import Typed, own_pages

Answer = TypeVar("Answer")
CODE = "K7QM"
FORMS = {"by-mail": "email", "at-once": "none"}
"""Slugs of the forms, with their verification."""
KEYS = proof_keys([b"k" * 32], "registration")


@dataclass(slots=True)
class Intake:
    """What the site answers, and what it was sent.

    Attributes:
        address: of the site.
        outcomes: of the receipt, in the order in which it is asked; the last one stays.
        decided: results of choices, in the same way.
        submissions: headers and content of each.
        choices: of each POST to the confirmation page.
        mails_held: whether the receipt says that mails take longer.
        asked: paths of every request, in order.
    """

    address: str = ""
    outcomes: list[ReceiptStatus] = field(default_factory=lambda: ["received"])
    decided: list[Result | None] = field(default_factory=lambda: [None])
    submissions: list[tuple[dict[str, str], dict[str, Any]]] = field(default_factory=list)
    choices: list[tuple[Choice, ...]] = field(default_factory=list)
    mails_held: bool = False
    asked: list[str] = field(default_factory=list)

    def form(self, slug: str, **query: str) -> str:
        """The address of a form."""
        pairs = "&".join(f"{key}={value}" for key, value in {"lang": "en", **query}.items())
        return f"{self.address}/embed/{slug}?{pairs}"

    def element(self, slug: str) -> str:
        """What a web editor pastes."""
        return (
            f'<script type="module" src="{self.address}/embed/troika.js"></script><troika-form form="{slug}" '
            f'partner="example-partner" lang="en"><a href="{self.address}/embed/{slug}">The form</a></troika-form>'
        )


@contextmanager
def intake_site() -> Iterator[Intake]:
    """Serve the pages on a free port."""
    intake = Intake()

    class Handler(_Handler):
        """Of this site."""

        site = intake

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        intake.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield intake
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    site: Intake

    def do_GET(self) -> None:
        path, query = self._address()
        style = PageStyle(query.get("lang", "en"))
        parts = path.strip("/").split("/")
        if path == "/embed/troika.js" or parts[:2] == ["embed", "static"]:
            self._send_file(parts[-1])
        elif path == "/v1/challenge":
            self._send(json.dumps(new_challenge(KEYS, query["form"], 0, datetime.now(UTC))), "application/json")
        elif parts[:2] == ["v1", "receipts"]:
            state = {"status": _next(self.site.outcomes), "code": CODE, "mails_held": self.site.mails_held}
            self._send(json.dumps(state), "application/json")
        elif parts[0] == "receipts":
            page = replace(
                RECEIPT_PAGE, style=style, status=_next(self.site.outcomes), attempt=int(query.get("again", 0))
            )
            self._send_page(render_receipt(page))
        elif path == PATH:
            self._send_page(render_confirmation(self._confirmation(style, int(query.get("again", 0)))))
        elif path.startswith(f"{PATH}/forms/"):
            self._send_page(render_frame(replace(OWN_FORM, style=style)))
        elif parts[0] == "embed":
            self._send_form(parts[1], query)
        elif parts[0] == "pictured":
            self._send_page(own_pages(style, WHEN, Typed())[parts[1]])
        else:
            found = every_page(style).get(parts[-1])
            self._send_page(found or "", 200 if found else 404)

    def do_POST(self) -> None:
        path, _ = self._address()
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if path == PATH:
            self._choose({name: values[0] for name, values in parse_qs(content).items()})
            return
        as_json = self.headers["Content-Type"] == "application/json"
        given = json.loads(content) if as_json else {name: values[0] for name, values in parse_qs(content).items()}
        self.site.submissions.append((dict(self.headers), given))
        if path.startswith(PATH) or not as_json:
            self._send_page(render_received(replace(RECEIVED, address=given.get("email", ""))), 202)
            return
        slug = next(slug for slug in FORMS if path == submissions_path(slug))
        message, following = submission_texts("en", FORMS[slug])
        answer = {"receipt": RECEIPT, "code": CODE, "status": "received", "message": message, "next": following}
        self._send(json.dumps(answer), "application/json", 202)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on the screen of the tests."""

    def _address(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path)
        self.site.asked.append(parts.path)
        return parts.path, {name: values[0] for name, values in parse_qs(parts.query).items()}

    def _choose(self, submitted: dict[str, str]) -> None:
        choices = read_choices(submitted)
        if submitted["action"] == "choose" and not choices:
            self._send_page(render_confirmation(replace(PENDING, no_choice=True)), 422)
            return
        self.site.choices.append(choices)
        self.send_response(303)
        self.send_header("Location", f"{PATH}?lang={submitted['lang']}")
        self.end_headers()

    def _confirmation(self, style: PageStyle, attempt: int) -> ConfirmationPage:
        page = replace(PENDING, style=style, attempt=attempt)
        if not self.site.choices:
            return page
        return with_results(replace(page, candidates=page.candidates[1:]), _next(self.site.decided))

    def _send_form(self, slug: str, query: dict[str, str]) -> None:
        parent = query.get("parent", "")
        page = replace(
            FRAME,
            style=PageStyle(query.get("lang", "en"), framed=bool(parent), parent=parent),
            definition=standard_form("webinar", slug, "UPR Webinar Wednesday #10"),
            parent_origin=parent,
            challenge=f"/v1/challenge?form={slug}",
            verification="none" if FORMS[slug] == "none" else "email",
        )
        self._send_page(render_frame(page), origins=(parent,) if parent else ())

    def _send_file(self, name: str) -> None:
        if name != SHEET and name not in SCRIPTS:
            self._send("", "text/plain", 404)
            return
        kind = "text/css" if name == SHEET else "text/javascript"
        self._send(sheet().text if name == SHEET else script(name).text, kind)

    def _send_page(self, html: str, status: int = 200, origins: tuple[str, ...] = ()) -> None:
        policy = {"Content-Security-Policy": kept_page_policy("", origins), "Referrer-Policy": "no-referrer"}
        self._send(html, "text/html; charset=utf-8", status, {**policy, "Cache-Control": "no-store"})

    def _send(self, text: str, kind: str, status: int = 200, headers: dict[str, str] | None = None) -> None:
        content = text.encode()
        self.send_response(status)
        given = {"Content-Type": kind, "Content-Length": str(len(content)), "Access-Control-Allow-Origin": "*"}
        for name, value in {**given, "Cross-Origin-Resource-Policy": "cross-origin", **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


def _next(answers: list[Answer]) -> Answer:
    return answers.pop(0) if len(answers) > 1 else answers[0]
