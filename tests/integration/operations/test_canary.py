"""The canary's run against small servers that fail in each way."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from deploy.operations.canary_probe import DONE, REFUSED, UNCANCELLED, UNDECIDED, UNMAILED, Canary
from deploy.public_client import link_in
from shared.public_forms.proof_of_work import check_proof, new_challenge, proof_keys
from shared.runtime.clock import system_clock
from shared.security.sealing import new_key
from tests.support.ports import free_port

NEVER = threading.Event()
KEYS = proof_keys([new_key()], "registration")


class Everything:
    """Troika and the mail sink in one: a submission with a proof of work gets a mail, unless a test changes it."""

    def __init__(
        self,
        port: int,
        *,
        answer: int = 202,
        mailing: bool = True,
        cancelling: int = 303,
        decision: str = "confirmed",
    ) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.registered: list[str] = []
        self.cancelled = 0
        self.asked = 0
        self._answer, self._mailing, self._cancelling, self._decision = answer, mailing, cancelling, decision

    def __call__(self, environ, start_response):  # type: ignore[no-untyped-def]  # WSGI
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        if request.path == "/v1/challenge":
            made = new_challenge(KEYS, request.args["form"], 0, system_clock())
            return Response(json.dumps(made), mimetype="application/json")
        if request.path == "/v1/forms/canary/submissions":
            content = request.get_json()
            check_proof(KEYS, "canary", content["altcha"], system_clock())
            self.registered.append(content["email"])
            return Response(json.dumps({"receipt": "secret-receipt"}), self._answer)
        if request.path.startswith("/v1/receipts/"):
            self.asked += 1
            return Response(json.dumps({"status": self._decision if self.asked > 1 else "received"}))
        if request.path == "/mails.json":
            wanted = parse_qs(urlsplit(request.url).query)["to"][0]
            found = [{"id": "1"}] if self._mailing and wanted in self.registered else []
            return Response(json.dumps(found), mimetype="application/json")
        if request.path == "/mails/1.eml":
            return Response(_mail(f"{self.url}/r/secret-token"))
        assert (request.method, request.path, request.form["action"]) == ("POST", "/r/secret-token", "cancel")
        self.cancelled += 1
        return Response(status=self._cancelling)


def _mail(link: str) -> bytes:
    mail = EmailMessage()
    mail.set_content(f"See or cancel your registration:\n{link}\n\nThe organisers\n")
    mail.add_alternative("<p>html</p>", subtype="html")
    return mail.as_bytes()


@contextmanager
def _serving(**ways: object) -> Iterator[Everything]:
    port = free_port()
    everything = Everything(port, **ways)  # type: ignore[arg-type]  # by the parameters
    server = make_server("127.0.0.1", port, everything)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield everything
    server.shutdown()
    thread.join()
    server.server_close()


def _canary(url: str) -> Canary:
    return Canary(url, url, "canary@example.org", "canary", timeout_s=0.5)


def test_run_registers_waits_and_cancels() -> None:
    with _serving() as everything:
        first, second = _canary(everything.url).run_once(NEVER.wait), _canary(everything.url).run_once(NEVER.wait)
    assert (first.outcome, second.outcome, everything.cancelled) == (DONE, DONE, 2)
    assert first.handover_s is not None
    assert len(set(everything.registered)) == 2
    assert all(address.startswith("canary-") for address in everything.registered)


@pytest.mark.parametrize(
    ("ways", "outcome", "seen"),
    [
        ({"answer": 503}, REFUSED, "status 503"),
        ({"mailing": False}, UNMAILED, "no mail within 0.5 s"),
        ({"cancelling": 404}, UNCANCELLED, "status 404"),
    ],
)
def test_failed_run_reports_the_last_step(ways: dict[str, object], outcome: str, seen: str) -> None:
    with _serving(**ways) as everything:
        result = _canary(everything.url).run_once(NEVER.wait)
    assert (result.outcome, result.seen) == (outcome, seen)


@pytest.mark.parametrize(
    ("ways", "outcome", "seen"),
    [
        ({}, DONE, "receipt confirmed"),
        ({"decision": "waitlisted"}, DONE, "receipt waitlisted"),
        ({"decision": "check-your-mail"}, DONE, "receipt check-your-mail"),
        ({"decision": "received"}, UNDECIDED, "receipt received"),
        ({"decision": "closed"}, UNDECIDED, "receipt closed"),
        ({"answer": 503}, REFUSED, "status 503"),
    ],
)
def test_run_without_an_inbox_ends_with_the_decision(ways: dict[str, object], outcome: str, seen: str) -> None:
    """The same person each time: no one is registered once a minute and never cancelled."""
    with _serving(**ways) as everything:
        canary = Canary(everything.url, "", "canary@example.org", "canary", timeout_s=0.5)
        result = canary.run_once(NEVER.wait)
    assert (result.outcome, result.seen, everything.registered) == (outcome, seen, ["canary@example.org"])


def test_registration_of_a_run_with_a_late_mail_is_cancelled_by_a_later_run() -> None:
    """A form registers so many people who use no link: those left by an outage make room for the next run."""
    with _serving(mailing=False) as everything:
        canary = _canary(everything.url)
        assert [canary.run_once(NEVER.wait).outcome for _ in range(3)] == [UNMAILED] * 3
        everything._mailing = True
        assert (canary.run_once(NEVER.wait).outcome, everything.cancelled, list(canary.left)) == (DONE, 4, [])


def test_run_ends_at_once_on_stop() -> None:
    stop = threading.Event()
    stop.set()
    with _serving(mailing=False) as everything:
        began_at = time.monotonic()
        Canary(everything.url, everything.url, "canary@example.org", "canary", timeout_s=60).run_once(stop.wait)
        assert time.monotonic() - began_at < 10


def test_server_that_is_away_is_a_result() -> None:
    result = _canary(f"http://127.0.0.1:{free_port()}").run_once(NEVER.wait)
    assert (result.outcome, result.seen) == (REFUSED, "ConnectionError")


def test_link_of_someone_else_is_not_followed() -> None:
    assert link_in(_mail("https://elsewhere.example.org/r/secret-token"), "https://troika.example.org") == ""
