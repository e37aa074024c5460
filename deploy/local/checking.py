"""One registration, all the way, by the interfaces that people and programs use; each step reports how long it took."""

import re
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.installation import PARTNER, WEBINAR, Content, Installation
from deploy.local.places import soon
from deploy.public_client import link_in

ADDRESS = "participant@example.org"
ANSWERS: dict[str, Any] = {
    "name": "A participant",
    "email": ADDRESS,
    "organisation": "Example Organisation",
    "country": "CH",
    "time_zone": "Europe/Zurich",
    "language": "en",
    "consent": True,
}
UP_WITHIN_S = 60.0


class StepFailed(Exception):
    """A step did not happen; the message describes what was seen instead."""


@dataclass(frozen=True, slots=True)
class Check:
    """The steps, on one installation."""

    installation: Installation

    def run(self) -> None:
        """Every step in order.

        Raises:
            StepFailed: the first that did not happen.
        """
        steps: list[tuple[str, Callable[[], str]]] = [
            ("partner page shows the form's place", self.partner_page),
            ("form opens in the partner's frame only", self.form),
            ("submission is answered 202", self.submission),
            ("the same key again changes nothing", self.repetition),
            ("the owner of the address confirms by the link in a mail", self.confirmation),
            ("mail with invitation is in the inbox", self.invitation),
            ("coordinator reads the counts", self.roll_up),
            ("metrics: accepted 1, handed over 2", self.metrics),
        ]
        for name, step in steps:
            began_at = time.perf_counter()
            try:
                seen = step()
            except TimeoutError as error:
                raise StepFailed(str(error)) from error
            print(f"  ok  {(time.perf_counter() - began_at) * 1000:7.0f} ms  {name}: {seen}", flush=True)

    def partner_page(self) -> str:
        """The snippet is in a page of another origin."""
        page = requests.get(self.installation.ports.partner_url + "/", timeout=5)
        expect(page.status_code == 200 and f'<troika-form form="{WEBINAR}"' in page.text, page.text[:200])
        return self.installation.ports.partner_url

    def form(self) -> str:
        """The frame allows exactly the partner's origin to show it."""
        ports = self.installation.ports
        query = {"partner": PARTNER, "parent": ports.partner_url}
        page = requests.get(f"{ports.public_url}/embed/{WEBINAR}", params=query, timeout=5)
        policy = page.headers.get("Content-Security-Policy", "")
        expect(policy.endswith(f"frame-ancestors {ports.partner_url}"), policy)
        expect('name="email"' in page.text, page.text[:200])
        return policy.rpartition("; ")[2]

    def submission(self) -> str:
        """As the framed form sends it, without proof of work: it counts once the address is confirmed."""
        answer = self._submit()
        expect(answer.status_code == 202, answer.text)
        return f"{answer.json()['status']}, code {answer.json()['code']}"

    def repetition(self) -> str:
        """An impatient client sends again."""
        first, second = self._submit(), self._submit()
        expect(first.status_code == second.status_code == 202 and first.text == second.text, second.text)
        return "the same answer"

    def confirmation(self) -> str:
        """The page of the link shows what waits, and accepts the choice."""
        mail = soon(lambda: self._mail(confirmed=False), "mail that asks for confirmation")
        link = self._link(mail["id"])
        page = requests.get(link, timeout=5)
        choices = dict.fromkeys(re.findall(r'name="(choice-[^"]+)" value="confirm"', page.text), "confirm")
        expect(page.status_code == 200 and len(choices) == 1, page.text[:200])
        done = requests.post(link, data={**choices, "action": "choose", "lang": "en"}, timeout=10)
        expect(done.status_code == 200, done.text[:200])
        return f"after {mail['subject']!r}"

    def invitation(self) -> str:
        """The participant's second mail has arrived, once, with a calendar invitation."""
        mail = soon(lambda: self._mail(confirmed=True), "mail with an invitation")
        calendar = mail["calendar"]
        return f"{mail['subject']!r}, {calendar['method']} for {calendar['dtstart']}"

    def roll_up(self) -> str:
        """The events service counts one confirmed registration."""
        counts = soon(self._counts, "confirmed registration among the counts")
        return f"{counts['confirmed']} confirmed"

    def metrics(self) -> str:
        """What Prometheus would read."""
        ports = self.installation.ports
        accepted = figure(f"{ports.public_url}/-/registration/metrics", "troika_intake_requests_total", "accepted")
        address = f"http://127.0.0.1:{ports.metrics('notifications')}/metrics"
        sent = soon(lambda: {2.0: 2.0}.get(figure(address, "troika_mails_total", "sent")), "second mail that was sent")
        expect((accepted, sent) == (1.0, 2.0), f"accepted {accepted}, handed over {sent}")
        return "as expected"

    def _submit(self) -> requests.Response:
        ports = self.installation.ports
        headers = {"Idempotency-Key": "demo-check-0001", "Origin": ports.public_url}
        address = f"{ports.public_url}/v1/forms/{WEBINAR}/submissions"
        return requests.post(address, json={**ANSWERS, "partner": PARTNER, "lang": "en"}, headers=headers, timeout=10)

    def _mail(self, *, confirmed: bool) -> dict[str, Any] | None:
        """The mail with an invitation if the address is confirmed, else the mail that asks for confirmation."""
        mails = requests.get(f"{self.installation.ports.inbox_url}/mails.json", params={"to": ADDRESS}, timeout=5)
        found = [mail for mail in mails.json() if bool(mail["calendar"]) == confirmed]
        expect(len(found) <= 1, f"{len(found)} mails")
        return found[0] if found else None

    def _link(self, mail_id: str) -> str:
        ports = self.installation.ports
        content = requests.get(f"{ports.inbox_url}/mails/{mail_id}.eml", timeout=5).content
        link = link_in(content, ports.public_url, "c")
        expect(link, "a mail without a confirmation link")
        return link

    def _counts(self) -> dict[str, Any] | None:
        headers = {"Authorization": f"Bearer {self.installation.secrets.coordinator_key}"}
        address = f"{self.installation.ports.public_url}/v1/events/{WEBINAR}/counts"
        answer = requests.get(address, headers=headers, timeout=5)
        expect(answer.status_code == 200, answer.text)
        counts: dict[str, Any] = answer.json()
        return counts if counts.get("confirmed") == 1 else None


def expect(happened: object, seen: str) -> None:
    """Raises:
    StepFailed: it did not happen.
    """
    if not happened:
        raise StepFailed(f"seen instead: {seen}")


def figure(address: str, name: str, outcome: str) -> float:
    """Sum of a counter's samples with this outcome, from a metrics page."""
    text = requests.get(address, timeout=5).text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("outcome") == outcome
    )


def wait_until_up(installation: Installation) -> None:
    """Return when every page answers, and the form of the sample is open.

    Raises:
        StepFailed: not within ``UP_WITHIN_S`` seconds; names what does not answer.
    """
    ports, until = installation.ports, time.monotonic() + UP_WITHIN_S
    addresses = [f"{ports.public_url}/-/{name}/readyz" for name in ("registration", "events", "notifications")]
    addresses += [ports.partner_url + "/", f"{ports.inbox_url}/livez"]
    while time.monotonic() < until:
        unanswered = [address for address in addresses if not _answers(address)]
        if not unanswered and (installation.content is Content.NOTHING or _form_is_open(ports.public_url)):
            return
        time.sleep(0.1)  # polls; the deadline ends this
    raise StepFailed(f"no answer from {', '.join(unanswered) or 'the form'}")


def _answers(address: str) -> bool:
    try:
        return requests.get(address, timeout=2).status_code == 200
    except requests.RequestException:
        return False


def _form_is_open(public_url: str) -> bool:
    """The event has reached the registration service."""
    answer = requests.get(f"{public_url}/v1/forms/{WEBINAR}", timeout=5)
    return answer.status_code == 200 and bool(answer.json()["open"])


def report(error: StepFailed) -> None:
    """Print on standard error what failed."""
    print(f"FAILED: {error}", file=sys.stderr, flush=True)
