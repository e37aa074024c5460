"""Actions of people in the cells of the matrix: eight, each with its correct answer and the mails that follow."""

import http.client
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import requests

from tests.chaos.matrix.proxied_stack import ProxiedStack
from tests.support.clients import SUBMISSIONS, Answer, answers
from tests.support.journal import Journal

CLIENT_TIMEOUT_S = 6.0
_LINK = re.compile(r"/[cr]/[A-Za-z0-9_-]{43}")
_CHOICE = re.compile(r'name="(choice-[^"]+)" value="confirm"')


@dataclass(frozen=True, slots=True)
class Person:
    """Someone in a cell.

    Attributes:
        number: of the participant.
        link: path of the link in their newest mail; empty for a newcomer.
        choices: names of the fields by which they confirm what waits behind it.
    """

    number: int
    link: str = ""
    choices: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Their idempotency key."""
        return f"matrix-person-{self.number:06}"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a client. ``service`` is whose web process is asked."""

    method: str
    path: str
    content: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    service: str = "registration"


@dataclass(frozen=True, slots=True)
class Action:
    """Attributes:
    name: in the table.
    request: of a person.
    right: the status of the right answer.
    needs: what the person must be before: ``new``, ``pending`` (mailed and not confirmed) or ``registered``.
    mails: that the action makes due; 0 for who only reads or repeats.
    again: the status of the right answer once it is done; 0 if it is the same.
    """

    name: str
    request: Callable[[Person], Request]
    right: int
    needs: str
    mails: int
    again: int = 0


def _submit(person: Person, key: str) -> Request:
    headers = (("Content-Type", "application/json"), ("Idempotency-Key", key))
    return Request("POST", SUBMISSIONS, json.dumps(answers(person.number)), headers)


def _press(person: Person, action: str) -> Request:
    headers = (("Content-Type", "application/x-www-form-urlencoded"),)
    content = dict.fromkeys(person.choices, "confirm") | {"action": action}
    return Request("POST", person.link, urlencode(content), headers)


ACTIONS = {
    action.name: action
    for action in (
        Action("register", lambda who: _submit(who, who.key), 202, "new", 1),
        Action("repeat", lambda who: _submit(who, who.key), 202, "registered", 0),
        Action("duplicate", lambda who: _submit(who, f"again-{who.key}"), 202, "registered", 1),
        Action("see-link", lambda who: Request("GET", who.link), 200, "registered", 0),
        Action("cancel", lambda who: _press(who, "cancel"), 303, "registered", 1),
        Action("confirm", lambda who: _press(who, "choose"), 303, "pending", 1, again=200),
        Action("list", lambda _who: Request("GET", "/v1/registrations?limit=5"), 200, "nobody", 0),
        Action("events", lambda _who: Request("GET", "/v1/events", service="events"), 200, "nobody", 0),
    )
}


@dataclass(frozen=True, slots=True)
class People:
    """Clients of one stack, whose every request is journalled."""

    stack: ProxiedStack
    journal: Journal

    def ask(self, action: Action, person: Person, timeout_s: float = CLIENT_TIMEOUT_S) -> Answer:
        """One try; the answer's status is 0 if there was none within ``timeout_s``."""
        request = action.request(person)
        key = dict(request.headers).get("Idempotency-Key", f"{action.name}-{person.number}")
        return self.journal.ask(key, request.path, lambda: self._send(request, timeout_s))

    def choices(self, link: str) -> tuple[str, ...]:
        """Names of the fields by which everything behind a confirmation link is confirmed."""
        page = requests.get(self.stack.urls["registration"] + link, timeout=CLIENT_TIMEOUT_S)
        assert page.status_code == 200
        return tuple(dict.fromkeys(_CHOICE.findall(page.text)))

    def _send(self, request: Request, timeout_s: float) -> Answer:
        place = urlsplit(self.stack.urls[request.service])
        headers = {"Authorization": f"Bearer {self.stack.installation.secrets.coordinator_key}"}
        own = dict(request.headers) if request.content else headers
        connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=timeout_s)
        try:
            connection.request(request.method, request.path, request.content or None, own)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            return Answer(0, {}, {})
        finally:
            connection.close()
        return Answer(response.status, _body(response, content), dict(response.getheaders()))


def _body(response: http.client.HTTPResponse, content: bytes) -> dict[str, object]:
    if "json" not in response.headers.get("Content-Type", ""):
        return {}
    return dict(json.loads(content))


def letters(folder: Path) -> Mapping[str, list[tuple[str, str]]]:
    """Every mail in the sink by its recipient's address: Message-ID, and the personal link's path or nothing."""
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(folder.glob("*.eml")):
        message = message_from_bytes(file.read_bytes(), policy=policy.default)
        body = message.get_body(("plain",))
        link = _LINK.search(str(body.get_content()) if body else "")
        address = str(message["To"].addresses[0].addr_spec)
        found.setdefault(address, []).append((str(message["Message-ID"]), link[0] if link else ""))
    return found
