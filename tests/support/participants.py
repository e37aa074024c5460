"""A participant: submits a form, reads the confirmation mail in the sink, confirms by the page, cancels by the link."""

import os
import re
import threading
import time
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.utils import getaddresses
from pathlib import Path
from typing import Any

import requests

from tests.support.clients import SUBMISSIONS, Answer, address_of, answers
from tests.support.waiting import poll_until

CONFIRMATION, MANAGING = "c", "r"
"""Kinds of link, by the prefix of their path."""

_LINK = re.compile(r"/([cr])/([\w-]{20,})")
_CHOICE = re.compile(r'name="(choice-[^"]+)" value="confirm"')
TIMEOUT_S = 20.0
POLL_EVERY_S = 0.2
"""Reads the folder, for any number of participants."""


class SinkLinks:
    """Tokens of the links in the mails that a sink has kept; each mail is read once. For any number of threads.

    Args:
        folder: of the sink.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read: set[str] = set()
        self._read_again_s = 0.0
        self._tokens: dict[tuple[str, str], str] = {}

    def newest(self, address: str, kind: str) -> str:
        """Return the token of the newest link of a kind that was mailed to ``address``; empty before the first."""
        with self._lock:
            if time.monotonic() >= self._read_again_s:
                self._read_mails()
                self._read_again_s = time.monotonic() + POLL_EVERY_S
            return self._tokens.get((address, kind), "")

    def _read_mails(self) -> None:
        """Read what has come since the last call."""
        fresh = {name for name in os.listdir(self._folder) if name.endswith(".eml")} - self._read
        for name in sorted(fresh):
            self._read.add(name)
            self._take((self._folder / name).read_bytes())

    def _take(self, content: bytes) -> None:
        mail = message_from_bytes(content, policy=policy.default)
        text = mail.get_body(("plain",))
        assert text is not None
        for _name, address in getaddresses([str(mail["To"])]):
            for kind, token in _LINK.findall(text.get_content()):
                self._tokens[address, kind] = token


@dataclass(frozen=True, slots=True)
class Participant:
    """Attributes:
    url: of the service.
    links: in the mails to everyone.
    number: of the participant.
    email: the address, if it is not that of the number.
    line: connections that are kept.
    pages: statuses of the confirmation page and of its buttons, in the order of the requests; 0 if no one answered.
    """

    url: str
    links: SinkLinks
    number: int
    email: str = ""
    line: requests.Session = field(default_factory=requests.Session)
    pages: list[int | str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """The participant's."""
        return self.email or address_of(self.number)

    def submit(self, key: str, **others: Any) -> Answer:
        """Send the filled form once; status 0 if no one answers.

        Args:
            key: idempotency key.
            others: answers in place of the usual ones.
        """
        try:
            answer = self.line.post(
                self.url + SUBMISSIONS,
                json=answers(self.number, **others),
                headers={"Idempotency-Key": key},
                timeout=TIMEOUT_S,
            )
            return Answer(answer.status_code, answer.json(), dict(answer.headers))
        except requests.RequestException:
            return Answer(0, {}, {})

    def confirm(self) -> bool:
        """Confirm everything that waits behind the newest link; False if there is none yet, or no one answers.

        True means that the page no longer shows anything to confirm.
        """
        token = self.links.newest(self.address, CONFIRMATION)
        if not token:
            return False
        try:
            choices = self._choices(token)
            if choices:
                self._press(f"/c/{token}", {**choices, "action": "choose"})
                choices = self._choices(token)
        except requests.RequestException:
            self.pages.append(0)
            return False
        return choices == {}

    def cancel(self) -> bool:
        """Give the place back by the newest managing link; False if there is none yet, or it did not work."""
        token = self.links.newest(self.address, MANAGING)
        try:
            return bool(token) and self._press(f"/r/{token}", {"action": "cancel"}) == 303
        except requests.RequestException:
            return False

    def _choices(self, token: str) -> dict[str, str] | None:
        """The buttons of the page; None if the page did not come."""
        page = self.line.get(f"{self.url}/c/{token}", timeout=TIMEOUT_S)
        self.pages.append(page.status_code)
        return dict.fromkeys(_CHOICE.findall(page.text), "confirm") if page.status_code == 200 else None

    def _press(self, path: str, content: dict[str, str]) -> int:
        answer = self.line.post(self.url + path, data=content, allow_redirects=False, timeout=TIMEOUT_S)
        self.pages.append(f"pressed {answer.status_code}")
        return answer.status_code


def confirm_in_time(url: str, mails: Path, email: str, within_s: float = 60.0) -> SinkLinks:
    """Confirm everything that waits for an address once its mail has come; returns the links in all mails.

    Args:
        url: of the service.
        mails: folder of the sink.
        email: the address.
        within_s: seconds.
    """
    links = SinkLinks(mails)
    participant = Participant(url, links, 0, email)
    with participant.line:
        poll_until(participant.confirm, within_s, what="the mail has come and nothing waits behind its link")
    return links
