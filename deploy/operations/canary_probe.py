"""One run of the canary: register as a person does, wait for the mail, cancel by its link.

It uses only the public address and its own mailbox, so it sees what people see. Where
mails go to a relay and no mailbox can be read, a run ends with the decision, which the receipt shows. It is the same
person each time then, who is registered once and written to twice a day at most; that mails go is seen by other alerts.
"""

import secrets
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from deploy.operations.authorities import trusted_authorities
from deploy.public_client import REQUEST_TIMEOUT_S, link_in, solved_challenge

FORM = "canary"
"""Slug of the canary's form."""
MAIL_TIMEOUT_S = 45.0
POLL_EVERY_S = 0.2
LEFT_AT_A_TIME = 5
"""Registrations of runs without a mail that are cancelled later, in one run."""
LEFT_AT_MOST = 20
"""More than the form registers while no link is used (``TROIKA_UNVERIFIED_A_DAY``); further runs leave nothing."""
DONE, REFUSED, UNDECIDED, UNMAILED, UNCANCELLED = "done", "refused", "undecided", "unmailed", "uncancelled"
SEE_OTHER, ACCEPTED = 303, 202
RECEIVED, DECIDED = "received", ("confirmed", "waitlisted", "check-your-mail")
"""Status on a receipt before and after the decision. The third: after some runs of a person who uses no link."""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """Attributes:
    outcome: ``done``, ``refused`` (no 202), ``undecided``, ``unmailed`` (no mail in time) or ``uncancelled``.
    handover_s: seconds from the answer to the mail's arrival; None if none came.
    seen: what was seen last, for the log; holds nothing personal.
    """

    outcome: str
    handover_s: float | None
    seen: str


@dataclass(frozen=True, slots=True)
class Canary:
    """Attributes:
    public_url: where people find Troika.
    inbox_url: the mail sink in which mails to the canary's addresses arrive; empty if it can read none.
    address: the address of the canary. With an inbox each run has a mailbox of its own in the same domain
        (``name-tag@domain``), so that what one run leaves behind delays no mail of the next; without one it uses the
        address itself.
    form: slug of the canary's form.
    timeout_s: how long to wait for the mail, or for the decision, seconds.
    left: addresses of runs whose mail had not come: a form registers so many people who use no link, so they are
        cancelled once it has.
    """

    public_url: str
    inbox_url: str
    address: str
    form: str = FORM
    timeout_s: float = MAIL_TIMEOUT_S
    left: deque[str] = field(default_factory=deque)

    def run_once(self, rest: Callable[[float], bool]) -> CanaryResult:
        """One run; a server that does not answer is a result, not an error.

        Args:
            rest: waits so many seconds, and returns whether it is time to stop; then the run ends at once.
        """
        tag = secrets.token_hex(6)
        if not self.inbox_url:
            return self._until_decided(tag, rest)
        name, _, domain = self.address.partition("@")
        address = f"{name}-{tag}@{domain}"
        handover_s: float | None = None
        outcome = REFUSED
        try:
            self._cancel_left()
            status = self._register(address, tag).status_code
            if status != ACCEPTED:
                return CanaryResult(outcome, None, f"status {status}")
            outcome, began_at = UNMAILED, time.monotonic()
            link = self._wait_for_link(address, rest)
            if not link:
                if len(self.left) < LEFT_AT_MOST:
                    self.left.append(address)
                return CanaryResult(outcome, None, f"no mail within {self.timeout_s:g} s")
            outcome, handover_s = UNCANCELLED, time.monotonic() - began_at
            status = self._cancel(link)
            return CanaryResult(DONE if status == SEE_OTHER else outcome, handover_s, f"status {status}")
        except requests.RequestException as error:
            return CanaryResult(outcome, handover_s, type(error).__name__)

    def _until_decided(self, tag: str, rest: Callable[[float], bool]) -> CanaryResult:
        """Register, and wait until the receipt shows the decision."""
        outcome, seen = REFUSED, ""
        try:
            answer = self._register(self.address, tag)
            if answer.status_code != ACCEPTED:
                return CanaryResult(outcome, None, f"status {answer.status_code}")
            outcome, deadline = UNDECIDED, time.monotonic() + self.timeout_s
            while time.monotonic() < deadline:
                seen = self._decision(answer.json()["receipt"])
                if seen != RECEIVED or rest(POLL_EVERY_S):
                    break
            return CanaryResult(DONE if seen in DECIDED else outcome, None, f"receipt {seen}")
        except requests.RequestException as error:
            return CanaryResult(outcome, None, type(error).__name__)

    def _decision(self, receipt: str) -> str:
        """The submission's status on the receipt; for an HTTP error, its status code as text."""
        answer = requests.get(
            f"{self.public_url}/v1/receipts/{receipt}", timeout=REQUEST_TIMEOUT_S, verify=trusted_authorities()
        )
        return str(answer.json()["status"]) if answer.ok else str(answer.status_code)

    def _register(self, address: str, tag: str) -> requests.Response:
        answers: dict[str, Any] = {
            "name": "Canary",
            "email": address,
            "country": "CH",
            "time_zone": "Etc/UTC",
            "language": "en",
            "consent": True,
        }
        return requests.post(
            f"{self.public_url}/v1/forms/{self.form}/submissions",
            json={**answers, **solved_challenge(self.public_url, self.form)},
            headers={"Idempotency-Key": f"canary-{tag}"},
            timeout=REQUEST_TIMEOUT_S,
            verify=trusted_authorities(),
        )

    def _wait_for_link(self, address: str, rest: Callable[[float], bool]) -> str:
        deadline = time.monotonic() + self.timeout_s
        while time.monotonic() < deadline:
            if link := self._find_link(address):
                return link
            if rest(POLL_EVERY_S):
                break
        return ""

    def _find_link(self, address: str) -> str:
        """The managing link in the first mail to ``address`` that has one; empty if there is none yet."""
        mails = requests.get(
            f"{self.inbox_url}/mails.json",
            params={"to": address},
            timeout=REQUEST_TIMEOUT_S,
            verify=trusted_authorities(),
        )
        for mail in mails.json():
            content = requests.get(
                f"{self.inbox_url}/mails/{mail['id']}.eml", timeout=REQUEST_TIMEOUT_S, verify=trusted_authorities()
            ).content
            if link := link_in(content, self.public_url):
                return link
        return ""

    def _cancel_left(self) -> None:
        """Cancel registrations of earlier runs whose mail has come by now."""
        for _ in range(min(LEFT_AT_A_TIME, len(self.left))):
            address = self.left.popleft()
            link = self._find_link(address)
            if not link or self._cancel(link) != SEE_OTHER:
                self.left.append(address)

    @staticmethod
    def _cancel(link: str) -> int:
        form = {"action": "cancel"}
        return requests.post(
            link, data=form, allow_redirects=False, timeout=REQUEST_TIMEOUT_S, verify=trusted_authorities()
        ).status_code
