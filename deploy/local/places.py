"""Where a running installation is, and what a program does there as a person or as a coordinator."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from deploy.local.installation import PARTNER, WEBINAR
from deploy.local.ports import DemoPorts
from deploy.public_client import solved_challenge

T = TypeVar("T")

WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Places:
    """The running installation's addresses, and the key that opens its console."""

    ports: DemoPorts
    key: str

    def form(self, language: str) -> str:
        """Address of the webinar's form as a separate page."""
        return f"{self.ports.public_url}/embed/{WEBINAR}?partner={PARTNER}&lang={language}"

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """What the interface answers to a coordinator's program, as JSON.

        Raises:
            requests.HTTPError: it refuses.
        """
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        answer = requests.request(method, self.ports.public_url + path, headers=headers, timeout=10, **options)
        answer.raise_for_status()
        return answer.json()

    def mails(self, address: str) -> list[dict[str, Any]]:
        """The mails to ``address`` that the local sink has caught, newest first."""
        found = requests.get(f"{self.ports.inbox_url}/mails.json", params={"to": address}, timeout=5).json()
        return list(found)

    def linked(self, mail_id: str, beginning: str) -> str:
        """The first address in a mail whose path begins with ``beginning``, without its fragment."""
        shown = requests.get(f"{self.ports.inbox_url}/mails/{mail_id}", timeout=5).text
        start = shown.index(self.ports.public_url + beginning)
        return shown[start : shown.index('"', start)].partition("#")[0]

    def register(self, form: str, answers: dict[str, Any]) -> None:
        """Send a form as a browser does that has solved a proof of work.

        Raises:
            requests.HTTPError: it is refused.
        """
        proof = solved_challenge(self.ports.public_url, form)
        address = f"{self.ports.public_url}/v1/forms/{form}/submissions"
        requests.post(address, json={**answers, **proof}, timeout=10).raise_for_status()

    def confirm(self, link: str) -> None:
        """Confirm all that waits for a confirmation link, as its owner does, once something waits there.

        Raises:
            requests.HTTPError: it is refused.
            TimeoutError: nothing waits there.
        """
        waiting = re.compile(r'name="(choice-[^"]+)" value="confirm"')
        names = soon(lambda: waiting.findall(requests.get(link, timeout=10).text) or None, "submission to confirm")
        choices = dict.fromkeys(names, "confirm")
        requests.post(link, data={**choices, "action": "choose", "lang": "en"}, timeout=10).raise_for_status()


def soon(query: Callable[[], T | None], what: str) -> T:
    """Poll ``query`` until it returns a value, and return that.

    Raises:
        TimeoutError: it returns None until the deadline.
    """
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = query()
        if found is not None:
            return found
        time.sleep(0.1)  # polls; the deadline ends this
    raise TimeoutError(f"no {what} within {WITHIN_S:.0f} s")
